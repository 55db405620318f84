// A tiny LM learns from an LLM that lies on a device beside the processor.
#include "toolchain/model/testing/second_device.h"

#include <gtest/gtest.h>

#include <fstream>

#include "formats/base/testing/temporary_directory.h"
#include "formats/model/latency_json.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/tlm/testing/plain_inputs.h"
#include "toolchain/tlm/tlm_eval.h"
#include "toolchain/tlm/tlm_job.h"
#include "toolchain/tlm/tlm_tasks.h"

namespace elm {
namespace {

class TlmOnSecondDeviceTest : public ::testing::Test {
 protected:
  TlmOnSecondDeviceTest() {
    SetTorchThreads(1);
    options_ = MomentaryTlmOptions(directory_.Path("latency.json"));
    options_.score_tasks = 2;
    options_.label_tasks = 1;
    options_.validation_tasks = 1;
    options_.threads = 2;
  }

  static TlmSubject Subject(torch::Device device) {
    ModelConfig config = TinyConfig();
    config.vocab = 256;
    config.context = 4096;
    return {.model = Llama::Load(MemoryCheckpoint(config, 5), device, torch::kFloat32),
            .levels = FullLevelOnly(config),
            .adapters = {std::nullopt},
            .reading = ByteReading(),
            .rules = {{ByteReading().piece, {}}, config.context},
            .key = "random"};
  }

  const testing::TemporaryDirectory directory_;
  TlmOptions options_;
};

TEST_F(TlmOnSecondDeviceTest, LabelsAreTheProcessors) {
  std::vector<LabelCube> cubes;
  for (const torch::Device device : {torch::Device(torch::kCPU), SecondDevice()}) {
    const TlmSubject subject = Subject(device);
    TlmJob job(subject, options_, directory_.Path(device.str()), {});
    const StoredTlm scorer = job.Score();
    cubes.push_back(*job.Label(scorer, "train"));
    const LabelCube validation = *job.Label(scorer, "validation");
    (void)job.Decide(scorer, cubes.back(), validation);
    const std::vector<Task> tasks = TlmTasks(options_.tasks, "validation", 1, 3);
    EXPECT_EQ(CompareSelectors(subject, options_, scorer, tasks, 0.5, {}).size(),
              std::size(kWordSelectors));
  }
  EXPECT_EQ(cubes[1].items, cubes[0].items);
  ASSERT_FALSE(cubes[0].share.empty());
  ASSERT_EQ(cubes[1].share.size(), cubes[0].share.size());
  for (size_t i = 0; i < cubes[0].share.size(); ++i) {
    EXPECT_NEAR(cubes[1].share[i], cubes[0].share[i], 10 * SecondDeviceTolerance());
  }
}

TEST_F(TlmOnSecondDeviceTest, SaliencyIsTheProcessors) {
  const std::vector<Task> tasks = TlmTasks(options_.tasks, "train", 1, 3);
  const TlmSubject here = Subject(torch::kCPU);
  const TlmSubject there = Subject(SecondDevice());
  for (const WordGate gate : {WordGate::kVisibility, WordGate::kEmbedding}) {
    const SaliencyOptions options{.gate = gate, .path = {1.0, 0.5}};
    const auto expected = WordSaliency(here.model, here.reading, tasks, options);
    const auto saliency = WordSaliency(there.model, there.reading, tasks, options);
    ASSERT_EQ(expected.size(), tasks.size());
    ASSERT_EQ(saliency.size(), tasks.size());
    for (size_t i = 0; i < tasks.size(); ++i) {
      ASSERT_EQ(saliency[i].size(), expected[i].size());
      for (size_t word = 0; word < saliency[i].size(); ++word) {
        EXPECT_NEAR(saliency[i][word], expected[i][word], 10 * SecondDeviceTolerance());
      }
    }
  }
}

}  // namespace
}  // namespace elm
