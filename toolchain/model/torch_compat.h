// The one place that knows that LibTorch 1.13 (Debian's, CPU) and 2.x (with CUDA) differ.
#pragma once

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <torch/version.h>
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 11)
#define ELM_TORCH_TELLS_DEVICE_MEMORY 1
#include <ATen/DeviceAccelerator.h>
#endif

#include <climits>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "formats/base/dtype.h"
#include "toolchain/base/libtorch.h"

namespace elm {

static_assert(TORCH_VERSION_MAJOR > 1 || TORCH_VERSION_MINOR >= 13,
              "LibTorch 1.13 or newer is needed");

// Threads of LibTorch and of the BLAS under it. Debian's LibTorch multiplies with an OpenBLAS that
// has threads of its own, all cores unless told otherwise, of which at::set_num_threads knows
// nothing; other builds have no such function, and nothing more is to do.
inline void SetTorchThreads(int threads) {
  at::set_num_threads(threads);
  if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<void (*)(int)>(symbol)(threads);
  }
}

// From now on memory that tensors give back stays with the process, in one pool for all threads: a
// training step would otherwise return and fault in again tens of megabytes. For programs that do
// little else.
inline void KeepTensorMemory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

// Runs of the same input give the same bits: no atomics in CUDA's reductions, full float32 in
// matrix products. Call before the first CUDA operation.
inline void MakeTorchReproducible() {
  // cuBLAS reads it when its first handle is made; without it deterministic mode refuses to
  // multiply.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setFloat32MatmulPrecision("highest");
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
  // Else every tensor is filled with NaN before it gets its numbers.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
#endif
}

// Returns when a device that works asynchronously has done what it was given.
inline void WaitForDevice(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

// Bytes that tensors hold on a device: now, and at most since ForgetDevicePeak.
struct DeviceMemory {
  uint64_t current = 0;
  uint64_t peak = 0;
};

#ifdef ELM_TORCH_TELLS_DEVICE_MEMORY
// Of the device, or nullptr where its memory is the process's or LibTorch does not see it.
inline c10::DeviceAllocator* AllocatorOf(torch::Device device) {
  if (!device.is_cuda() || !torch::cuda::is_available()) return nullptr;
  // Until then it knows of no device, and refuses every question about one.
  at::globalContext().lazyInitDevice(device.type());
  return at::getDeviceAllocator(device.type());
}
#endif

// Empty for the processor, whose memory is the process's, and before LibTorch 2.11.
inline std::optional<DeviceMemory> DeviceMemoryOf([[maybe_unused]] torch::Device device) {
#ifdef ELM_TORCH_TELLS_DEVICE_MEMORY
  if (c10::DeviceAllocator* allocator = AllocatorOf(device)) {
    const auto stats = allocator->getDeviceStats(device.has_index() ? device.index() : 0)
                           .allocated_bytes[0];  // of all pools
    return DeviceMemory{static_cast<uint64_t>(stats.current), static_cast<uint64_t>(stats.peak)};
  }
#endif
  return std::nullopt;
}

inline void ForgetDevicePeak([[maybe_unused]] torch::Device device) {
#ifdef ELM_TORCH_TELLS_DEVICE_MEMORY
  if (c10::DeviceAllocator* allocator = AllocatorOf(device)) {
    allocator->resetPeakStats(device.has_index() ? device.index() : 0);
  }
#endif
}

// The element type of a tensor in memory that holds stored values unchanged.
inline torch::Dtype TorchDType(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return torch::kFloat16;
    case DType::kBf16:
      return torch::kBFloat16;
    case DType::kF32:
      break;
  }
  return torch::kFloat32;
}

}  // namespace elm
