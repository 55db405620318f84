// Two processes: this one, and a copy of itself that a fork makes before LibTorch has threads.
#include "toolchain/recover/process_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <torch/serialize.h>
#include <unistd.h>

#include <cstdlib>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/recover/adapter_trainer.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

void Set(const char* rank, const char* size, const char* port) {
  setenv("RANK", rank, 1);
  setenv("WORLD_SIZE", size, 1);
  setenv("MASTER_ADDR", "127.0.0.1", 1);
  setenv("MASTER_PORT", port, 1);
}

std::string MessageOf(const char* rank, const char* size, const char* port) {
  Set(rank, size, port);
  try {
    ProcessGroup::FromEnvironment();
  } catch (const Error& error) {
    return error.status().message();
  }
  return "";
}

TEST(ProcessGroup, OneProcessNeedsNone) {
  Set("0", "1", "29500");
  EXPECT_EQ(ProcessGroup::FromEnvironment(), nullptr);
  unsetenv("WORLD_SIZE");
  EXPECT_EQ(ProcessGroup::FromEnvironment(), nullptr);
}

TEST(ProcessGroup, SettingsThatMakeNoSenseAreNamed) {
  EXPECT_THAT(MessageOf("2", "2", "29500"), HasSubstr("RANK"));
  EXPECT_THAT(MessageOf("zero", "2", "29500"), HasSubstr("RANK is \"zero\""));
  EXPECT_THAT(MessageOf("0", "2", ""), HasSubstr("MASTER_PORT"));
}

// One update of a tiny model from the same start, alone or as one of two.
torch::Tensor OneUpdate(ProcessGroup* group) {
  const ModelConfig config = TinyConfig();
  const Llama llama = RandomLlama(config, 1);
  LevelTable table = FullLevelOnly(config);
  table.levels.insert(table.levels.begin(), {500, {{3, 1, 8}, {3, 1, 8}, {3, 1, 8}}});
  RecoverOptions options;
  options.rank = 2;
  options.threads = 1;
  options.learning_rate = 1e-2;
  const FrozenLlama model(llama, torch::kFloat32);
  const size_t chosen = 0;
  AdapterTrainer trainer(model, table, {&chosen, 1}, options, group);
  TrainingStep step;
  const TokenWindows windows = RandomWindows(config, 4, 13, 5);
  for (size_t i = 0; i < windows.count(); ++i) {
    TrainingExample example;
    example.Add(std::vector<uint32_t>(windows.row(i).begin(), windows.row(i).end()),
                TokenRole::kDocument);
    step.parts.emplace_back().Add(example);
  }
  trainer.Update(step, 0.5);
  // Adam divides by the gradient's size; the first moment is the gradient.
  return trainer.levels()[0].first_moment.clone();
}

TEST(ProcessGroup, TwoProcessesMakeTheGradientsOfOne) {
  const TemporaryDirectory directory;
  const std::string result = directory.path() + "/gradient";
  const std::string port = std::to_string(20000 + getpid() % 20000);
  const auto run = [&](const char* rank) {
    Set(rank, "2", port.c_str());
    const auto group = ProcessGroup::FromEnvironment();
    const torch::Tensor gradient = OneUpdate(group.get());
    // Somebody's wish to stop reaches everybody.
    if (!group->Any(group->rank() == 1)) std::_Exit(3);
    if (group->rank() == 0) torch::save(gradient, result);
  };
  const pid_t first = fork();
  if (first == 0) {
    run("0");
    std::_Exit(0);
  }
  const pid_t second = fork();
  if (second == 0) {
    run("1");
    std::_Exit(0);
  }
  for (const pid_t child : {first, second}) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 0);
  }
  torch::Tensor of_two;
  torch::load(of_two, result);
  const torch::Tensor of_one = OneUpdate(nullptr);
  EXPECT_LT(((of_two - of_one).norm() / of_one.norm()).item<double>(), 1e-5);
}

}  // namespace
}  // namespace elm
