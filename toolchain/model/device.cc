#include "toolchain/model/device.h"

#include "toolchain/base/error.h"

namespace elm {

Status CheckDeviceName(const std::string& name) {
  if (name == "cpu" || name == "cuda" || name.starts_with("cuda:")) return Status::Ok();
  return InvalidArgument("--device is \"", name, "\", expected cpu, cuda or cuda:N");
}

torch::Device OpenDevice(const std::string& name) {
  const torch::Device device(name);
  if (!device.is_cuda()) return device;
  if (!torch::cuda::is_available()) {
    throw Error(InvalidArgument("--device ", name,
                                ": this LibTorch sees no CUDA device; use --device cpu"));
  }
  const auto devices = static_cast<int>(torch::cuda::device_count());
  if (device.index() >= devices) {
    throw Error(InvalidArgument("--device ", name, ": LibTorch sees ", devices,
                                " CUDA devices, counted from 0"));
  }
  return device;
}

}  // namespace elm
