#include "runtime/bench/machine_probe.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "runtime/engine/memory_estimate.h"

namespace elm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMebibyte = size_t{1} << 20;
constexpr size_t kLeastBuffer = 32 * kMebibyte;
constexpr size_t kUsualBuffer = 256 * kMebibyte;
constexpr size_t kMostBuffer = 1024 * kMebibyte;
constexpr size_t kCaches = 8;  // the buffer holds the last cache this many times

// What a thread reads at a time: long enough for the hardware to read ahead.
constexpr size_t kChunk = kMebibyte;
constexpr int kReadPasses = 5;

constexpr size_t kRounds = 4096;  // some tens of microseconds
constexpr size_t kCallsPerThread = 32;
constexpr int kOperationPasses = 10;
static_assert(kRounds <= kMostProbeRounds);

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Bytes; 0 where the system does not say.
size_t LastCache() {
#if defined(_SC_LEVEL3_CACHE_SIZE)
  for (const int name : {_SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE}) {
    const long size = sysconf(name);
    if (size > 0) return static_cast<size_t>(size);
  }
#endif
  return 0;
}

size_t BufferSize() {
  const size_t free_memory = AvailableMemory().value_or(kUsualBuffer * 4);
  const size_t wanted = std::clamp(kCaches * LastCache(), kUsualBuffer, kMostBuffer);
  return std::max(kLeastBuffer, std::min(wanted, free_memory / 4));
}

}  // namespace

MachineProbe::MachineProbe(const KernelTable& kernels, WeightType type,
                           AlignedBuffer<std::byte> buffer, std::unique_ptr<ThreadPool> threads)
    : kernels_(&kernels), type_(type), buffer_(std::move(buffer)), threads_(std::move(threads)) {}

Result<MachineProbe> MachineProbe::Create(const KernelTable& kernels, WeightType type,
                                          size_t threads, size_t buffer_bytes) {
  if (buffer_bytes == 0) buffer_bytes = BufferSize();
  buffer_bytes = std::max(buffer_bytes / kChunk * kChunk, kChunk);
  ELM_ASSIGN_OR_RETURN(auto buffer,
                       AlignedBuffer<std::byte>::Create({buffer_bytes}, "memory bandwidth probe"));
  ELM_ASSIGN_OR_RETURN(auto pool, ThreadPool::Create(threads));
#if defined(MADV_HUGEPAGE)
  // So that memory is measured and not the page tables. Whole pages only; a hint.
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(buffer.data());
  const size_t skipped = (page - address % page) % page;
  if (skipped < buffer.bytes()) {
    (void)madvise(buffer.data() + skipped, buffer.bytes() - skipped, MADV_HUGEPAGE);
  }
#endif
  // Pages that were never written are all the same one.
  pool->ForEachRange(buffer.bytes(), kChunk, [&](size_t, size_t begin, size_t end) {
    std::memset(buffer.data() + begin, 1, end - begin);
  });
  return MachineProbe(kernels, type, std::move(buffer), std::move(pool));
}

ProbeSample MachineProbe::Measure() { return {MeasureRead(), MeasureOperations()}; }

double MachineProbe::MeasureRead() {
  const size_t chunks = buffer_.bytes() / kChunk;
  double best = 0;
  for (int pass = 0; pass < kReadPasses; ++pass) {
    const auto start = Clock::now();
    threads_->ForEachRange(chunks, 1, [&](size_t, size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        kernels_->probe_read(buffer_.data() + i * kChunk, kChunk);
      }
    });
    best = std::max(best, static_cast<double>(chunks * kChunk) / SecondsSince(start));
  }
  return best;
}

double MachineProbe::MeasureOperations() {
  const size_t threads = threads_->threads();
  const double call = kernels_->probe_products(type_, kRounds);
  const size_t calls = threads * kCallsPerThread;
  double best = 0;
  for (int pass = 0; pass < kOperationPasses; ++pass) {
    const auto start = Clock::now();
    threads_->ForEachRange(calls, 1, [&](size_t, size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) kernels_->probe_products(type_, kRounds);
    });
    best = std::max(best, call * static_cast<double>(calls) / SecondsSince(start));
  }
  return best;
}

const char* OperationName(const KernelTable& kernels, WeightType type) {
  if (IsQuantised(type)) return "int8 dot products";
  if (type == WeightType::kBf16 && kernels.bf16_products) return "bf16 dot products";
  return "float32 multiply-adds";
}

}  // namespace elm
