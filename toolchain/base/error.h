// The toolchain's bridge between Status and exceptions: inside toolchain/ a failure is thrown, at
// the outermost call (toolchain/cli) it becomes one line and an exit code.
#pragma once

#include <stdexcept>
#include <utility>

#include "formats/base/status.h"

namespace elm {

class Error : public std::runtime_error {
 public:
  explicit Error(Status status)
      : std::runtime_error(status.message()), status_(std::move(status)) {}
  const Status& status() const { return status_; }

 private:
  Status status_;
};

inline void ThrowIfError(const Status& status) {
  if (!status.ok()) throw Error(status);
}

template <typename T>
T ValueOrThrow(Result<T> result) {
  if (!result.ok()) throw Error(result.status());
  return std::move(result).value();
}

}  // namespace elm
