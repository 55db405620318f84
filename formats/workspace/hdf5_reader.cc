#include <optional>
#include <utility>

#include "formats/base/checked_math.h"
#include "formats/base/mapped_file.h"
#include "formats/workspace/guard_block.h"
#include "formats/workspace/hdf5_file.h"
#include "formats/workspace/hdf5_support.h"

namespace elm {

struct Hdf5Reader::State {
  std::string path;
  uint64_t file_size = 0;
  Hdf5Handle file;

  std::string Where(const std::string& name) const { return StrCat(path, ": ", name); }
  Result<Hdf5Handle> OpenAttribute(const std::string& name) const;
  Result<Hdf5Handle> OpenDataset(const std::string& name) const;
  Result<Hdf5Shape> ShapeOf(const std::string& name, hid_t dataset) const;
  template <typename T>
  Result<T> ReadScalar(const std::string& name) const;
};

Result<Hdf5Handle> Hdf5Reader::State::OpenAttribute(const std::string& name) const {
  Hdf5Handle attribute(H5Aopen(file.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute.ok()) return Corruption(path, ": has no attribute \"", name, "\"");
  const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  if (H5Sget_simple_extent_npoints(space.get()) != 1) {
    return Corruption(Where(name), ": is not a single value");
  }
  return attribute;
}

Result<Hdf5Handle> Hdf5Reader::State::OpenDataset(const std::string& name) const {
  Hdf5Handle dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.ok()) return Corruption(path, ": has no dataset \"", name, "\"");
  return dataset;
}

Result<Hdf5Shape> Hdf5Reader::State::ShapeOf(const std::string& name, hid_t dataset) const {
  const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
  const int rank = space.ok() ? H5Sget_simple_extent_ndims(space.get()) : -1;
  if (rank < 0) return Corruption(Where(name), ": has no simple shape");
  std::vector<hsize_t> extents(static_cast<size_t>(rank));
  if (H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr) != rank) {
    return Corruption(Where(name), ": has no simple shape");
  }
  return Hdf5Shape(extents.begin(), extents.end());
}

template <typename T>
Result<T> Hdf5Reader::State::ReadScalar(const std::string& name) const {
  ELM_ASSIGN_OR_RETURN(const Hdf5Handle attribute, OpenAttribute(name));
  const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  T value{};
  if (H5Tequal(type.get(), Hdf5Type<T>::File()) <= 0 ||
      H5Aread(attribute.get(), Hdf5Type<T>::Memory(), &value) < 0) {
    return Corruption(Where(name), ": is not of type ", Hdf5Type<T>::kName);
  }
  return value;
}

Hdf5Reader::Hdf5Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;
Hdf5Reader& Hdf5Reader::operator=(Hdf5Reader&&) noexcept = default;
Hdf5Reader::~Hdf5Reader() = default;

Result<Hdf5Reader> Hdf5Reader::Open(const std::string& path, const std::string& kind,
                                    uint64_t version) {
  SilenceHdf5();
  uint64_t file_size = 0;
  {
    ELM_ASSIGN_OR_RETURN(const MappedFile bytes,
                         MappedFile::Open(path, MappedFile::Access::kSequential));
    ELM_RETURN_IF_ERROR(CheckGuardBlock(path, bytes.bytes()));
    file_size = bytes.bytes().size();
  }
  const Hdf5Handle access = MakeHdf5Access();
  Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!file.ok())
    return Corruption(path, ": HDF5 cannot open it; remove it and run the stage again");
  Hdf5Reader reader(std::make_unique<State>(State{path, file_size, std::move(file)}));

  ELM_ASSIGN_OR_RETURN(const std::string actual_kind, reader.ReadString(kHdf5Kind));
  if (actual_kind != kind) {
    return Corruption(path, ": holds \"", actual_kind, "\", expected \"", kind, "\"");
  }
  ELM_ASSIGN_OR_RETURN(const uint64_t actual_version, reader.ReadInteger(kHdf5Version));
  if (actual_version != version) {
    return Unsupported(path, ": \"", kind, "\" has version ", actual_version,
                       ", this program reads version ", version, "; run the stage again");
  }
  return reader;
}

const std::string& Hdf5Reader::path() const { return state_->path; }

bool Hdf5Reader::HasDataset(const std::string& name) const {
  return H5Lexists(state_->file.get(), name.c_str(), H5P_DEFAULT) > 0;
}

Result<std::string> Hdf5Reader::ReadString(const std::string& name) const {
  ELM_ASSIGN_OR_RETURN(const Hdf5Handle attribute, state_->OpenAttribute(name));
  const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0) {
    return Corruption(state_->Where(name), ": is not a string of fixed length");
  }
  const size_t size = H5Tget_size(type.get());
  if (size == 0 || size > kMaxHdf5String) {
    return Corruption(state_->Where(name), ": has ", size, " bytes, expected 1 to ",
                      kMaxHdf5String);
  }
  std::string value(size, '\0');
  if (H5Aread(attribute.get(), type.get(), value.data()) < 0) {
    return Corruption(state_->Where(name), ": HDF5 cannot read the attribute");
  }
  value.resize(value.find_last_not_of('\0') + 1);
  return value;
}

Result<uint64_t> Hdf5Reader::ReadInteger(const std::string& name, uint64_t maximum) const {
  ELM_ASSIGN_OR_RETURN(const uint64_t value, state_->ReadScalar<uint64_t>(name));
  if (value > maximum) {
    return Corruption(state_->Where(name), ": is ", value, ", expected at most ", maximum);
  }
  return value;
}

Result<double> Hdf5Reader::ReadNumber(const std::string& name) const {
  return state_->ReadScalar<double>(name);
}

Result<Hdf5Shape> Hdf5Reader::ReadShape(const std::string& name, size_t rank) const {
  ELM_ASSIGN_OR_RETURN(const Hdf5Handle dataset, state_->OpenDataset(name));
  ELM_ASSIGN_OR_RETURN(Hdf5Shape shape, state_->ShapeOf(name, dataset.get()));
  if (shape.size() != rank) {
    return Corruption(state_->Where(name), ": has ", shape.size(), " dimensions, expected ", rank);
  }
  return shape;
}

template <typename T>
Result<std::vector<T>> Hdf5Reader::ReadDataset(const std::string& name,
                                               const Hdf5Shape& shape) const {
  ELM_ASSIGN_OR_RETURN(const Hdf5Handle dataset, state_->OpenDataset(name));
  ELM_ASSIGN_OR_RETURN(const Hdf5Shape actual, state_->ShapeOf(name, dataset.get()));
  if (actual != shape) {
    return Corruption(state_->Where(name), ": has the shape ", Hdf5ShapeText(actual), ", expected ",
                      Hdf5ShapeText(shape));
  }
  const Hdf5Handle type(H5Dget_type(dataset.get()), H5Tclose);
  if (H5Tequal(type.get(), Hdf5Type<T>::File()) <= 0) {
    return Corruption(state_->Where(name), ": is not of type ", Hdf5Type<T>::kName);
  }
  // Datasets are stored as they are, so one that is larger than the file has no bytes behind it.
  const std::optional<uint64_t> count = CheckedProduct(shape);
  if (!count || *count > state_->file_size / sizeof(T)) {
    return Corruption(state_->Where(name), ": the shape ", Hdf5ShapeText(shape),
                      " is larger than the file of ", state_->file_size, " bytes");
  }
  std::vector<T> values(*count);
  if (!values.empty() && H5Dread(dataset.get(), Hdf5Type<T>::Memory(), H5S_ALL, H5S_ALL,
                                 H5P_DEFAULT, values.data()) < 0) {
    return Corruption(state_->Where(name), ": HDF5 cannot read the dataset");
  }
  return values;
}

template Result<std::vector<double>> Hdf5Reader::ReadDataset(const std::string&,
                                                             const Hdf5Shape&) const;
template Result<std::vector<float>> Hdf5Reader::ReadDataset(const std::string&,
                                                            const Hdf5Shape&) const;
template Result<std::vector<uint16_t>> Hdf5Reader::ReadDataset(const std::string&,
                                                               const Hdf5Shape&) const;
template Result<std::vector<uint32_t>> Hdf5Reader::ReadDataset(const std::string&,
                                                               const Hdf5Shape&) const;
template Result<std::vector<uint64_t>> Hdf5Reader::ReadDataset(const std::string&,
                                                               const Hdf5Shape&) const;

}  // namespace elm
