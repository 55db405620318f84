// What 7 B and 8 B would take, from their shapes alone.
#include "toolchain/pipeline/dry_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/pipeline/prepare.h"
#include "toolchain/pipeline/stage.h"
#include "toolchain/profile/profile_memory.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kGib = uint64_t{1} << 30;

PrepareOptions Options(const std::string& shape) {
  PrepareOptions options;
  options.shape = shape;
  options.data = "text.txt";  // is not read
  options.dtype = "bfloat16";
  options.recover.dtype = "bfloat16";  // whatever this processor multiplies best
  options.dry_run = true;
  options.assume_tflops = 1;
  options.assume_gbs = 20;
  return options;
}

const StageEstimate& StageOf(const DryRun& run, const std::string& name) {
  for (const StageEstimate& estimate : run.estimates) {
    if (estimate.stage == name) return estimate;
  }
  throw std::out_of_range(name);
}

std::string Refusal(const PrepareOptions& options) {
  try {
    PlanRun(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(DryRunTest, EveryStageOfSevenBillionHasTimeAndMemory) {
  const DryRun run = PlanRun(Options("llama-7b"));
  ASSERT_EQ(run.stages.size(), Stages().size());
  for (size_t i = 0; i < run.stages.size(); ++i) {
    EXPECT_TRUE(run.stages[i].ran);
    if (run.stages[i].name == "tlm") continue;  // nobody asks for a tiny LM here
    EXPECT_GT(run.stages[i].seconds, 1) << run.stages[i].name;
    EXPECT_GT(run.estimates[i].host_bytes, kGib / 2) << run.stages[i].name;
    EXPECT_EQ(run.estimates[i].device_bytes, 0U);
  }
  // 6.74 G weights of two bytes, twice where units are reordered.
  EXPECT_NEAR(static_cast<double>(StageOf(run, "reorder").host_bytes) / kGib, 25.2, 1.0);
  EXPECT_NEAR(static_cast<double>(run.bundle_bytes) / kGib, 12.8, 0.5);
  // Eight levels and the teacher over 205,000 tokens at half a T multiply-add a second: 6.5 G for
  // the teacher and 8 * 0.55 * 2 times as much for the levels.
  EXPECT_NEAR(StageOf(run, "recover").seconds, 205'000 * 6.5e9 * 9.8 / 0.5e12 / 0.92, 3000);
}

TEST(DryRunTest, EightBillionTakeLongerAndALargeVocabularyMoreMemory) {
  const DryRun seven = PlanRun(Options("llama-7b"));
  const DryRun eight = PlanRun(Options("llama-3-8b"));
  EXPECT_GT(StageOf(eight, "recover").seconds, StageOf(seven, "recover").seconds);
  EXPECT_GT(eight.recovery.frozen, 3 * seven.recovery.frozen);  // the embedding in float32
}

TEST(DryRunTest, LayersThatAreComputedAgainKeepLess) {
  PrepareOptions options = Options("llama-7b");
  const DryRun keeping = PlanRun(options);
  EXPECT_LT(keeping.recovery_checkpointing.activations, keeping.recovery_keeping.activations / 2);
  EXPECT_EQ(keeping.recovery.total(), keeping.recovery_keeping.total());
  options.recover.checkpoint_layers = true;
  const DryRun again = PlanRun(options);
  EXPECT_EQ(again.recovery.total(), keeping.recovery_checkpointing.total());
  EXPECT_LE(StageOf(again, "recover").host_bytes, StageOf(keeping, "recover").host_bytes);
}

TEST(DryRunTest, ADeviceThatIsNotHereIsAssumed) {
  PrepareOptions options = Options("llama-7b");
  options.device = "cuda";
  options.assume_tflops = 100;
  const DryRun run = PlanRun(options);
  EXPECT_EQ(StageOf(run, "profile").host_bytes, 0U);
  EXPECT_GT(StageOf(run, "profile").device_bytes, 12 * kGib);
  EXPECT_GT(StageOf(run, "verify").host_bytes, 25 * kGib) << "the runtime runs on the processor";
  options.assume_tflops = 200;
  EXPECT_NEAR(StageOf(PlanRun(options), "recover").seconds, StageOf(run, "recover").seconds / 2, 1);
  options.assume_tflops = options.assume_gbs = 0;
  EXPECT_THAT(PlanRun(options).speed, HasSubstr("A100"));
  EXPECT_THAT(DryRunText(run), HasSubstr("on cuda"));
}

TEST(DryRunTest, AConfigurationWithoutWeightsIsEnough) {
  const testing::TemporaryDirectory directory;
  PrepareOptions options = Options("");
  options.checkpoint = directory.path();
  std::ofstream(directory.Path("config.json")) << R"({
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
    "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
    "vocab_size": 32000, "max_position_embeddings": 2048, "hidden_act": "silu",
    "torch_dtype": "bfloat16"})";
  const DryRun from_file = PlanRun(options);
  const DryRun named = PlanRun(Options("llama-7b"));
  EXPECT_EQ(from_file.model, directory.path());
  for (size_t i = 0; i < named.estimates.size(); ++i) {
    EXPECT_EQ(from_file.estimates[i].host_bytes, named.estimates[i].host_bytes);
    EXPECT_EQ(from_file.estimates[i].seconds, named.estimates[i].seconds);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
  const nlohmann::json json = DryRunJson(from_file);
  EXPECT_EQ(json["stages"].size(), Stages().size());
  EXPECT_GT(json["recovery"]["activation_bytes"],
            json["recovery_checkpointing"]["activation_bytes"]);

  std::ofstream(directory.Path("config.json")) << R"({"architectures": ["GPT2LMHeadModel"]})";
  EXPECT_THAT(Refusal(options), HasSubstr("GPT2LMHeadModel"));
}

TEST(DryRunTest, WrongShapesAreNamed) {
  EXPECT_THAT(Refusal(Options("llama-70b")), HasSubstr("choose one of"));
  PrepareOptions options = Options("llama-7b");
  options.checkpoint = "models/other";
  EXPECT_THAT(Refusal(options), HasSubstr("leave the checkpoint models/other out"));
  options = Options("llama-7b");
  options.to = "pak";
  EXPECT_THAT(Refusal(options), HasSubstr("is no stage"));
}

TEST(DryRunTest, AStageThatIsNotAskedForIsNotInThePlan) {
  PrepareOptions options = Options("tinyllama-1.1b");
  options.to = "plan";
  const DryRun run = PlanRun(options);
  ASSERT_EQ(run.stages.size(), 3U);
  EXPECT_THAT(DryRunText(run), HasSubstr("profile"));
  options.to = "";
  options.recover.recovery = Recovery::kNone;
  EXPECT_EQ(PlanRun(options).recovery.total(), 0U);
}

// By hand, of one layer with width 8, two heads of 4, one KV head, 16 neurons.
TEST(MemoryEstimateTest, ActivationsAreCountedPerLayerAndPosition) {
  ModelConfig config;
  config.layers = 1;
  config.width = 8;
  config.query_heads = 2;
  config.kv_heads = 1;
  config.head_dim = 4;
  config.neurons = 16;
  config.vocab = 32;
  const Level level{500, {{1, 1, 8}}};
  // Stream 2 * (4 + 2) * 8; queries, keys, values, mixed heads 2 * (4 + 8 + 4); neurons 2 * 3 * 8.
  EXPECT_EQ(RecoverActivationBytes(config, level, 2, true, false, 10), 10U * (96 + 32 + 48));
  // Of the layer itself only stream and branch, (4 + 2) * 8, and once what one layer keeps.
  EXPECT_EQ(RecoverActivationBytes(config, level, 2, true, true, 10), 10U * (48 + 96 + 32 + 48));
  // 16 positions: stream 64; one block of queries: 4 * 8 * (2 + 2); softmax 4 * 2 * 8; neurons
  // (16 + 8) * 16.
  EXPECT_EQ(ProfileActivationBytes(config, 4, 1, 16), 16U * (64 + 128 + 64 + 384));
}

}  // namespace
}  // namespace elm
