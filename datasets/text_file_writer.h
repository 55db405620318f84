// A large text written piece by piece into an AtomicFile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "formats/base/atomic_file.h"

namespace elm {

// Holds back up to a megabyte between writes. Without Commit() nothing is left behind.
class TextFileWriter {
 public:
  static Result<TextFileWriter> Create(const std::string& path);

  Status Add(std::string_view text);
  Status Commit();
  uint64_t size() const { return written_ + pending_.size(); }  // bytes so far

 private:
  explicit TextFileWriter(AtomicFile file) : file_(std::move(file)) {}
  Status Flush();

  AtomicFile file_;
  uint64_t written_ = 0;
  std::string pending_;
};

}  // namespace elm
