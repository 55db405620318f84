#include <memory>
#include <span>
#include <utility>

#include "formats/base/atomic_file.h"
#include "formats/base/checked_math.h"
#include "formats/workspace/guard_block.h"
#include "formats/workspace/hdf5_file.h"
#include "formats/workspace/hdf5_image.h"
#include "formats/workspace/hdf5_support.h"

namespace elm {
namespace {

Hdf5Handle MakeFixedString(size_t size) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  if (!type.ok() || H5Tset_size(type.get(), size) < 0) return {};
  if (H5Tset_strpad(type.get(), H5T_STR_NULLPAD) < 0 ||
      H5Tset_cset(type.get(), H5T_CSET_UTF8) < 0) {
    return {};
  }
  return type;
}

// A file that HDF5 itself never writes, with room for the guard block in front.
Hdf5Handle CreateInMemory(const std::string& path, Hdf5Image& image) {
  const Hdf5Handle access = MakeHdf5Access();
  const Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  if (!access.ok() || !image.Install(access.get()) || !creation.ok() ||
      H5Pset_userblock(creation.get(), kGuardBlockSize) < 0 ||
      H5Pset_obj_track_times(creation.get(), false) < 0) {
    return {};
  }
  return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose};
}

}  // namespace

struct Hdf5Writer::State {
  AtomicFile target;
  std::unique_ptr<Hdf5Image> image;  // before `file`, which writes into it until it is closed
  Hdf5Handle file;

  std::string Where(const std::string& name) const { return StrCat(target.path(), ": ", name); }
  Status WriteAttribute(const std::string& name, hid_t file_type, hid_t memory_type,
                        const void* value);
};

Status Hdf5Writer::State::WriteAttribute(const std::string& name, hid_t file_type,
                                         hid_t memory_type, const void* value) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Hdf5Handle attribute(
      H5Acreate2(file.get(), name.c_str(), file_type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  if (!attribute.ok() || H5Awrite(attribute.get(), memory_type, value) < 0) {
    return Internal(Where(name), ": HDF5 cannot write the attribute; is the name used twice?");
  }
  return Status::Ok();
}

Hdf5Writer::Hdf5Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hdf5Writer::Hdf5Writer(Hdf5Writer&&) noexcept = default;
Hdf5Writer& Hdf5Writer::operator=(Hdf5Writer&&) noexcept = default;
Hdf5Writer::~Hdf5Writer() = default;

Result<Hdf5Writer> Hdf5Writer::Create(const std::string& path, const std::string& kind,
                                      uint64_t version) {
  SilenceHdf5();
  ELM_ASSIGN_OR_RETURN(AtomicFile target, AtomicFile::Create(path));
  auto image = std::make_unique<Hdf5Image>();
  // Under the name of the empty temporary file: HDF5 would read what stands under `path`.
  Hdf5Handle file = CreateInMemory(target.temporary_path(), *image);
  if (!file.ok()) return Internal(path, ": HDF5 cannot create a file in memory");
  Hdf5Writer writer(
      std::make_unique<State>(State{std::move(target), std::move(image), std::move(file)}));
  ELM_RETURN_IF_ERROR(writer.WriteString(kHdf5Kind, kind));
  ELM_RETURN_IF_ERROR(writer.WriteInteger(kHdf5Version, version));
  return writer;
}

Status Hdf5Writer::WriteString(const std::string& name, const std::string& value) {
  if (value.size() > kMaxHdf5String) {
    return InvalidArgument(state_->Where(name), ": has ", value.size(), " bytes, at most ",
                           kMaxHdf5String, " are stored");
  }
  const std::string padded = value.empty() ? std::string(1, '\0') : value;
  const Hdf5Handle type = MakeFixedString(padded.size());
  return state_->WriteAttribute(name, type.get(), type.get(), padded.data());
}

Status Hdf5Writer::WriteInteger(const std::string& name, uint64_t value) {
  return state_->WriteAttribute(name, Hdf5Type<uint64_t>::File(), Hdf5Type<uint64_t>::Memory(),
                                &value);
}

Status Hdf5Writer::WriteNumber(const std::string& name, double value) {
  return state_->WriteAttribute(name, Hdf5Type<double>::File(), Hdf5Type<double>::Memory(), &value);
}

template <typename T>
Status Hdf5Writer::WriteDataset(const std::string& name, const std::vector<T>& values,
                                const Hdf5Shape& shape) {
  if (CheckedProduct(shape) != values.size()) {
    return Internal(state_->Where(name), ": ", values.size(), " values for the shape ",
                    Hdf5ShapeText(shape));
  }
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  const Hdf5Handle space(
      H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose);
  const Hdf5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (!space.ok() || !creation.ok() || H5Pset_obj_track_times(creation.get(), false) < 0 ||
      H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER) < 0) {
    return Internal(state_->Where(name), ": HDF5 cannot describe the dataset");
  }
  const Hdf5Handle dataset(H5Dcreate2(state_->file.get(), name.c_str(), Hdf5Type<T>::File(),
                                      space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                           H5Dclose);
  if (!dataset.ok()) {
    return Internal(state_->Where(name),
                    ": HDF5 cannot create the dataset; is the name used twice?");
  }
  if (!values.empty() && H5Dwrite(dataset.get(), Hdf5Type<T>::Memory(), H5S_ALL, H5S_ALL,
                                  H5P_DEFAULT, values.data()) < 0) {
    return Status(StatusCode::kOutOfMemory,
                  StrCat(state_->Where(name), ": HDF5 cannot hold ", values.size(), " values"));
  }
  return Status::Ok();
}

Status Hdf5Writer::Commit() {
  if (H5Fflush(state_->file.get(), H5F_SCOPE_GLOBAL) < 0 || !state_->file.Reset()) {
    return Status(StatusCode::kOutOfMemory,
                  StrCat(state_->target.path(), ": HDF5 cannot finish the file in memory"));
  }
  const std::span<std::byte> bytes = state_->image->bytes();
  if (bytes.size() <= kGuardBlockSize) {
    return Internal(state_->target.path(), ": HDF5 left no file image");
  }
  SetGuardBlock(bytes);
  ELM_RETURN_IF_ERROR(state_->target.Reserve(bytes.size()));
  ELM_RETURN_IF_ERROR(state_->target.WriteAt(0, bytes));
  return state_->target.Commit();
}

template Status Hdf5Writer::WriteDataset(const std::string&, const std::vector<double>&,
                                         const Hdf5Shape&);
template Status Hdf5Writer::WriteDataset(const std::string&, const std::vector<float>&,
                                         const Hdf5Shape&);
template Status Hdf5Writer::WriteDataset(const std::string&, const std::vector<uint16_t>&,
                                         const Hdf5Shape&);
template Status Hdf5Writer::WriteDataset(const std::string&, const std::vector<uint32_t>&,
                                         const Hdf5Shape&);
template Status Hdf5Writer::WriteDataset(const std::string&, const std::vector<uint64_t>&,
                                         const Hdf5Shape&);

}  // namespace elm
