// Nothing is allocated once a session is open. A program of its own: it counts what every part of
// the process allocates.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>

#include "formats/base/aligned_buffer.h"
#include "runtime/engine/testing/tiny_model.h"
#include "runtime/include/elm/elm.hpp"

namespace {

std::atomic<size_t> allocations{0};

}  // namespace

// The C library's own, under the names that it has for those who replace them. operator new ends
// here, too.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* data, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* data, size_t size) {
  ++allocations;
  return __libc_realloc(data, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
}

namespace elm {
namespace {

using testing::SmallContents;

// Allocations of all threads while `work` runs.
template <typename Work>
size_t AllocationsIn(const Work& work) {
  const size_t before = allocations;
  work();
  return allocations - before;
}

TEST(AllocationTest, AllocationsAreCounted) {
  EXPECT_GE(AllocationsIn([] { ::operator delete(::operator new(100)); }), 1U);
  EXPECT_GE(AllocationsIn([] { (void)AlignedBuffer<float>::Create({100}, "test"); }), 1U);
}

TEST(AllocationTest, AnOpenSessionAllocatesNothing) {
  BundleContents contents = SmallContents(WeightType::kF16);
  contents.adapters.push_back({.level = 0, .rank = 4, .scale = 0.5F});
  const auto model = testing::LoadSmallModel(contents).value();
  for (const uint32_t threads : {1, 2}) {
    auto session = Session::Create(model, {.threads = threads}).value();
    std::vector<uint32_t> ids(45);
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<uint32_t>(i);
    bool ok = true;
    double sum = 0;
    const std::function<void(size_t, std::span<const float>)> visit =
        [&](size_t, std::span<const float> logits) { sum += logits[0]; };
    const size_t count = AllocationsIn([&] {
      for (const char* level : {"0.3", "1.0", "0.6"}) {
        ok = ok && session->SetLevel(level).ok();
        ok = ok && session->Append(ids).ok();
        ok = ok && session->Append({ids.data(), 1}).ok();
        ok = ok && session->Rewind(7).ok();
        ok = ok && session->Score({ids.data(), 9}, visit).ok();
        session->Trim();
        session->Reset();
      }
      ok = ok && session->SetLevel("0.3", Session::OnSwitch::kKeep).ok();
    });
    EXPECT_TRUE(ok);
    EXPECT_EQ(count, 0U) << threads << " threads";
  }
}

}  // namespace
}  // namespace elm
