// What the reader and the writer of hdf5_file.h share: ownership of HDF5's identifiers, element
// types.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "formats/workspace/hdf5_file.h"

namespace elm {

class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept { *this = std::move(other); }
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Handle() { Reset(); }

  // Closes now; false when HDF5 reports a failure.
  bool Reset() {
    const hid_t id = std::exchange(id_, -1);
    return id < 0 || close_(id) >= 0;
  }

  bool ok() const { return id_ >= 0; }
  hid_t get() const { return id_; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

// Stored little-endian whatever the machine.
template <typename T>
struct Hdf5Type;
template <>
struct Hdf5Type<double> {
  static constexpr const char* kName = "float64";
  static hid_t File() { return H5T_IEEE_F64LE; }
  static hid_t Memory() { return H5T_NATIVE_DOUBLE; }
};
template <>
struct Hdf5Type<float> {
  static constexpr const char* kName = "float32";
  static hid_t File() { return H5T_IEEE_F32LE; }
  static hid_t Memory() { return H5T_NATIVE_FLOAT; }
};
template <>
struct Hdf5Type<uint16_t> {
  static constexpr const char* kName = "uint16";
  static hid_t File() { return H5T_STD_U16LE; }
  static hid_t Memory() { return H5T_NATIVE_UINT16; }
};
template <>
struct Hdf5Type<uint32_t> {
  static constexpr const char* kName = "uint32";
  static hid_t File() { return H5T_STD_U32LE; }
  static hid_t Memory() { return H5T_NATIVE_UINT32; }
};
template <>
struct Hdf5Type<uint64_t> {
  static constexpr const char* kName = "uint64";
  static hid_t File() { return H5T_STD_U64LE; }
  static hid_t Memory() { return H5T_NATIVE_UINT64; }
};

inline constexpr size_t kMaxHdf5String = size_t{1} << 15;  // HDF5 keeps attributes below 64 KiB
inline constexpr const char* kHdf5Kind = "kind";
inline constexpr const char* kHdf5Version = "version";

// The library prints its error stack on stderr unless told not to.
void SilenceHdf5();

// File access of one format version whatever the library's age, so that the bytes do not depend on
// it.
Hdf5Handle MakeHdf5Access();

// "[2, 3]".
std::string Hdf5ShapeText(const Hdf5Shape& shape);

}  // namespace elm
