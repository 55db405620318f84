#include "formats/workspace/hdf5_image.h"

#include <cstdlib>
#include <cstring>
#include <utility>

namespace elm {
namespace {

// The buffer grows to exactly what is used, so that its size is the file's.
constexpr size_t kIncrement = 1;

}  // namespace

Hdf5Image::~Hdf5Image() { std::free(data_); }

bool Hdf5Image::Install(hid_t access) {
  H5FD_file_image_callbacks_t callbacks = {Allocate,   Copy,       Reallocate, Release,
                                           ShareImage, LeaveImage, this};
  return H5Pset_fapl_core(access, kIncrement, false) >= 0 &&
         H5Pset_file_image_callbacks(access, &callbacks) >= 0;
}

void* Hdf5Image::Allocate(size_t size, H5FD_file_image_op_t /*operation*/, void* image) {
  return Reallocate(nullptr, size, H5FD_FILE_IMAGE_OP_FILE_RESIZE, image);
}

void* Hdf5Image::Reallocate(void* data, size_t size, H5FD_file_image_op_t /*operation*/,
                            void* image) {
  void* moved = std::realloc(data, size);
  if (moved != nullptr) static_cast<Hdf5Image*>(image)->size_ = size;
  return moved;
}

void* Hdf5Image::Copy(void* target, const void* source, size_t size,
                      H5FD_file_image_op_t /*operation*/, void* /*image*/) {
  return std::memcpy(target, source, size);
}

herr_t Hdf5Image::Release(void* data, H5FD_file_image_op_t operation, void* image) {
  if (operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
    // Creating a file may open and close what stands under its name first: the last buffer counts.
    std::free(std::exchange(static_cast<Hdf5Image*>(image)->data_, static_cast<std::byte*>(data)));
  } else {
    std::free(data);
  }
  return 0;
}

}  // namespace elm
