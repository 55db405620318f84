#include "toolchain/pipeline/machine_speed.h"

#include <chrono>

#include "toolchain/base/libtorch.h"
#include "toolchain/base/quantities.h"
#include "toolchain/training/bf16_kernels.h"

namespace elm {
namespace {

constexpr double kA100Bfloat16 = 312e12;
constexpr double kA100Float32 = 19.5e12;
constexpr double kA100Bytes = 2039e9;
// Of a data sheet's operations, what plain products of large matrices reach.
constexpr double kReached = 0.7;

template <typename Work>
double Seconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double MeasureProducts(const std::string& device, const std::string& dtype) {
  // A processor without bfloat16 takes seconds for larger ones; to a GPU these would be nothing.
  const int64_t side = device == "cpu" ? 512 : 8192;
  constexpr int kRepeats = 4;
  const auto type = torch::TensorOptions()
                        .device(torch::Device(device))
                        .dtype(dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32);
  // Not ones: a GPU multiplies these in less power, so faster.
  const torch::Tensor a = torch::rand({side, side}, type);
  torch::Tensor product = torch::mm(a, a);  // warm-up
  product.sum().item<float>();
  const double seconds = Seconds([&] {
    for (int i = 0; i < kRepeats; ++i) product = torch::mm(a, a);
    product.sum().item<float>();  // waits for a device that works asynchronously
  });
  return kRepeats * static_cast<double>(side * side * side) / seconds;
}

double MeasureReading(const PrepareOptions& options) {
  const int64_t numbers_read = int64_t{1} << (options.device == "cpu" ? 25 : 27);
  const auto type = torch::TensorOptions().device(torch::Device(options.device));
  const torch::Tensor numbers = torch::ones({numbers_read}, type);
  numbers.sum().item<float>();
  const double seconds = Seconds([&] { numbers.sum().item<float>(); });
  return 4 * static_cast<double>(numbers_read) / seconds;
}

// What a training of these options computes in.
std::string TrainingType(const PrepareOptions& options) {
  const std::string& wanted = options.recover.dtype;
  if (wanted != "auto") return wanted;
  return options.device != "cpu" || HasBf16Kernels() ? "bfloat16" : "float32";
}

// Operations a second in `dtype`.
double OperationsOf(const PrepareOptions& options, const std::string& dtype, bool here) {
  if (options.assume_tflops > 0) return options.assume_tflops * 1e12;
  if (!here) return kReached * (dtype == "bfloat16" ? kA100Bfloat16 : kA100Float32);
  return 2 * MeasureProducts(options.device, dtype);
}

}  // namespace

MachineSpeed SpeedOf(const PrepareOptions& options) {
  const bool here = options.device == "cpu" || torch::cuda::is_available();
  const bool stated = options.assume_tflops > 0 || options.assume_gbs > 0;
  const std::string training = TrainingType(options);
  MachineSpeed speed;
  speed.products_per_second = OperationsOf(options, options.dtype, here) / 2;
  speed.training_products_per_second = training == options.dtype
                                           ? speed.products_per_second
                                           : OperationsOf(options, training, here) / 2;
  if (options.assume_gbs > 0) {
    speed.bytes_per_second = options.assume_gbs * 1e9;
  } else {
    speed.bytes_per_second = here ? MeasureReading(options) : kA100Bytes;
  }
  speed.source = stated ? "stated" : here ? "measured here" : "assumed, an A100's";
  speed.source += Format(": plain products at %.0f GFLOP/s in ", 2e-9 * speed.products_per_second) +
                  options.dtype;
  if (training != options.dtype) {
    speed.source +=
        Format(", recovery's at %.0f in ", 2e-9 * speed.training_products_per_second) + training;
  }
  speed.source += Format("; memory at %.0f GB/s", speed.bytes_per_second / 1e9);
  return speed;
}

}  // namespace elm
