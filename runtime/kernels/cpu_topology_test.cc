#include "runtime/kernels/cpu_topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "formats/base/testing/temporary_directory.h"
#include "runtime/kernels/thread_pool.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A folder like /sys/devices/system/cpu.
class FakeCpus {
 public:
  FakeCpus() {
    for (const char* other : {"cpufreq", "cpuidle", "cpu", "power"}) {
      std::filesystem::create_directory(path() + "/" + other);
    }
    std::ofstream(path() + "/online") << "0-7\n";
  }

  const std::string& path() const { return directory_.path(); }
  void Add(int core, const std::string& file = "", const std::string& text = "") {
    const auto folder = std::filesystem::path(path()) / ("cpu" + std::to_string(core));
    std::filesystem::create_directories((folder / file).parent_path());
    if (!file.empty()) std::ofstream(folder / file) << text << "\n";
  }
  CpuTopology Read() const { return CpuTopology::Read(path()); }

 private:
  testing::TemporaryDirectory directory_;
};

constexpr const char* kCapacity = "cpu_capacity";
constexpr const char* kFrequency = "cpufreq/cpuinfo_max_freq";

// Four small cores, three big ones, one bigger.
FakeCpus& Phone() {
  static FakeCpus& cpus = *[] {
    auto* phone = new FakeCpus();
    for (int core = 0; core < 8; ++core) {
      phone->Add(core, kCapacity, core < 4 ? "286" : core < 7 ? "871" : "1024");
    }
    return phone;
  }();
  return cpus;
}

TEST(CpuTopologyTest, BigCoresFirst) {
  const CpuTopology phone = Phone().Read();
  EXPECT_TRUE(phone.uneven());
  EXPECT_EQ(phone.cores().size(), 8U);
  EXPECT_EQ(phone.cores().front(), (CpuCore{7, 1024}));
  EXPECT_THAT(phone.FastestCores(1), ElementsAre(7));
  EXPECT_THAT(phone.FastestCores(4), ElementsAre(7, 4, 5, 6));
  EXPECT_THAT(phone.FastestCores(5), ElementsAre(7, 4, 5, 6, 0));
}

TEST(CpuTopologyTest, NoChoiceWhenAllAreNeeded) {
  EXPECT_THAT(Phone().Read().FastestCores(8), IsEmpty());
  EXPECT_THAT(Phone().Read().FastestCores(9), IsEmpty());
}

TEST(CpuTopologyTest, EqualCoresAreLeftAlone) {
  FakeCpus cpus;
  for (int core = 0; core < 4; ++core) cpus.Add(core, kCapacity, "1024");
  EXPECT_FALSE(cpus.Read().uneven());
  EXPECT_THAT(cpus.Read().FastestCores(2), IsEmpty());
}

TEST(CpuTopologyTest, AFewPerCentMoreAreNoOtherKindOfCore) {
  FakeCpus cpus;
  cpus.Add(0, kFrequency, "4700000");
  cpus.Add(1, kFrequency, "4900000");
  cpus.Add(2, kFrequency, "4700000");
  EXPECT_EQ(cpus.Read().cores().front(), (CpuCore{1, 4900000}));
  EXPECT_THAT(cpus.Read().FastestCores(1), IsEmpty());
}

TEST(CpuTopologyTest, FrequenciesWhereThereIsNoCapacity) {
  FakeCpus cpus;
  cpus.Add(0, kFrequency, "1800000");
  cpus.Add(1, kFrequency, "2800000");
  cpus.Add(10, kFrequency, "2800000");
  cpus.Add(1, kCapacity, "1024");  // not for all: cannot be compared
  EXPECT_THAT(cpus.Read().FastestCores(2), ElementsAre(1, 10));
}

TEST(CpuTopologyTest, CoresThatAreSwitchedOff) {
  FakeCpus cpus;
  cpus.Add(0, kCapacity, "400");
  cpus.Add(1, kCapacity, "400");
  cpus.Add(1, "online", "1");
  cpus.Add(2, kCapacity, "1024");
  cpus.Add(3, "online", "0");  // has no other files then
  EXPECT_EQ(cpus.Read().cores().size(), 3U);
  EXPECT_THAT(cpus.Read().FastestCores(2), ElementsAre(2, 0));
}

TEST(CpuTopologyTest, NothingIsKnown) {
  FakeCpus cpus;
  EXPECT_THAT(cpus.Read().cores(), IsEmpty());
  cpus.Add(0);
  cpus.Add(1);
  EXPECT_EQ(cpus.Read().cores().size(), 2U);
  EXPECT_FALSE(cpus.Read().uneven());
  cpus.Add(0, kCapacity, "many");
  cpus.Add(1, kCapacity, "0");
  EXPECT_THAT(cpus.Read().FastestCores(1), IsEmpty());
  EXPECT_THAT(CpuTopology::Read("/does/not/exist").cores(), IsEmpty());
}

TEST(CpuTopologyTest, ThisProcessHasACore) {
  EXPECT_LE(CpuTopology::OfThisProcess().cores().size(), std::thread::hardware_concurrency());
}

std::set<int> AllowedCores() {
  cpu_set_t allowed;
  EXPECT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  std::set<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) cores.insert(core);
  }
  return cores;
}

// What each thread of a pool may run on, the caller's first.
std::vector<std::set<int>> CoresOfThreads(size_t threads, const CpuTopology& topology) {
  auto pool = ThreadPool::Create(threads, topology);
  EXPECT_TRUE(pool.ok());
  std::vector<std::set<int>> cores(threads);
  std::mutex mutex;
  // Until every thread has had a turn.
  for (bool all = false; !all;) {
    (*pool)->ForEachRange(64, 1, [&](size_t thread, size_t, size_t) {
      const std::set<int> allowed = AllowedCores();
      std::this_thread::yield();
      const std::lock_guard<std::mutex> lock(mutex);
      cores[thread] = allowed;
    });
    all = true;
    for (const auto& of_thread : cores) all = all && !of_thread.empty();
  }
  return cores;
}

TEST(CpuTopologyTest, ThreadsOfAPoolKeepToTheFastCores) {
  const std::set<int> here = AllowedCores();
  if (here.size() < 2) GTEST_SKIP() << "one core only";
  const int slow = *here.begin();
  const int fast = *here.rbegin();
  // One more core than threads, so that there is a choice; that it is not there does not matter.
  const CpuTopology uneven({{slow, 100}, {fast, 1000}, {CPU_SETSIZE - 1, 900}});
  const auto pinned = CoresOfThreads(2, uneven);
  EXPECT_EQ(pinned[0], here);
  EXPECT_EQ(pinned[1], std::set<int>{fast});

  const CpuTopology even({{slow, 1000}, {fast, 1000}, {CPU_SETSIZE - 1, 1000}});
  for (const auto& cores : CoresOfThreads(2, even)) EXPECT_EQ(cores, here);
}

}  // namespace
}  // namespace elm
