// What `--device` names.
#pragma once

#include <string>

#include "formats/base/status.h"
#include "toolchain/base/libtorch.h"

namespace elm {

// Whether `name` is "cpu", "cuda" or "cuda:N", as the options have it.
Status CheckDeviceName(const std::string& name);

// The device of that name. Throws Error when LibTorch does not see it.
torch::Device OpenDevice(const std::string& name);

}  // namespace elm
