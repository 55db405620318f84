// The files that stages hand to each other: HDF5 behind a small door, so that nothing else sees its
// C API.
//
// A file is a flat set of named datasets and root attributes; the attributes "kind" and "version"
// tell what it is. HDF5 has no journal and its parser trusts what it reads, so
//   - a file is built in memory and appears under its name only when it is complete (AtomicFile);
//   - the 512-byte user block, which HDF5 skips, carries the file's length and the XXH3-64 of every
//   byte:
//     a truncated or damaged file is refused before HDF5 sees it. h5dump and h5py read it all the
//     same.
// The same calls give the same bytes: no time stamps, little-endian types, a fixed format version.
//
// Not thread-safe, not even on different files: HDF5 keeps global state.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/base/status.h"

namespace elm {

using Hdf5Shape = std::vector<uint64_t>;

// Element types are double, float, uint16_t, uint32_t and uint64_t: the templates below are
// instantiated for these.
class Hdf5Writer {
 public:
  // Fails early when the directory is missing or not writable.
  static Result<Hdf5Writer> Create(const std::string& path, const std::string& kind,
                                   uint64_t version);

  Hdf5Writer(Hdf5Writer&&) noexcept;
  Hdf5Writer& operator=(Hdf5Writer&&) noexcept;
  ~Hdf5Writer();

  Status WriteString(const std::string& name, const std::string& value);  // at most 32 KiB
  Status WriteInteger(const std::string& name, uint64_t value);
  Status WriteNumber(const std::string& name, double value);

  // Row-major; the product of `shape` is values.size(). An extent may be 0.
  template <typename T>
  Status WriteDataset(const std::string& name, const std::vector<T>& values,
                      const Hdf5Shape& shape);

  // Writes, syncs and renames the file into place. Without it nothing appears.
  Status Commit();

 private:
  struct State;
  explicit Hdf5Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Hdf5Reader {
 public:
  // Refuses what is no workspace file, is damaged, or is of another kind (kCorruption) or version
  // (kUnsupported).
  static Result<Hdf5Reader> Open(const std::string& path, const std::string& kind,
                                 uint64_t version);

  Hdf5Reader(Hdf5Reader&&) noexcept;
  Hdf5Reader& operator=(Hdf5Reader&&) noexcept;
  ~Hdf5Reader();

  const std::string& path() const;
  bool HasDataset(const std::string& name) const;

  Result<std::string> ReadString(const std::string& name) const;
  // Refuses a value above `maximum`.
  Result<uint64_t> ReadInteger(const std::string& name, uint64_t maximum = UINT64_MAX) const;
  Result<double> ReadNumber(const std::string& name) const;

  // The extents of a dataset of `rank` dimensions.
  Result<Hdf5Shape> ReadShape(const std::string& name, size_t rank) const;

  // A dataset of exactly this element type and shape.
  template <typename T>
  Result<std::vector<T>> ReadDataset(const std::string& name, const Hdf5Shape& shape) const;

 private:
  struct State;
  explicit Hdf5Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// "1.10.8", of the library that runs.
std::string Hdf5Version();

}  // namespace elm
