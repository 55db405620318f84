// The bytes of an HDF5 file that is built in memory, as they are when the library has closed it.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <span>

namespace elm {

// Lends HDF5's memory driver its allocator and keeps the buffer that the driver gives up on
// closing. (H5Fget_file_image would hand out a copy of the open file, whose superblock has a wrong
// checksum in HDF5 1.10.)
class Hdf5Image {
 public:
  Hdf5Image() = default;
  Hdf5Image(const Hdf5Image&) = delete;
  Hdf5Image& operator=(const Hdf5Image&) = delete;
  ~Hdf5Image();

  // Makes files opened with `access` use this image: one file, and the image outlives it.
  bool Install(hid_t access);

  // Empty until the file is closed.
  std::span<std::byte> bytes() const { return {data_, data_ == nullptr ? 0 : size_}; }

 private:
  static void* Allocate(size_t size, H5FD_file_image_op_t operation, void* image);
  static void* Reallocate(void* data, size_t size, H5FD_file_image_op_t operation, void* image);
  static void* Copy(void* target, const void* source, size_t size, H5FD_file_image_op_t operation,
                    void* image);
  static herr_t Release(void* data, H5FD_file_image_op_t operation, void* image);
  static void* ShareImage(void* image) { return image; }
  static herr_t LeaveImage(void* /*image*/) { return 0; }

  std::byte* data_ = nullptr;
  size_t size_ = 0;  // of the buffer that HDF5 holds, then of data_
};

}  // namespace elm
