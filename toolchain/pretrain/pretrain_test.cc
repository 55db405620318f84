// Whole runs of a model that trains in seconds.
#include "toolchain/pretrain/pretrain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "datasets/pocket/world.h"
#include "formats/base/atomic_file.h"
#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/checkpoint/checkpoint.h"
#include "runtime/include/elm/elm.hpp"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/pretrain/trainable_llama.h"
#include "toolchain/pretrain/training_checkpoint.h"
#include "toolchain/pretrain/vocabulary.h"

namespace elm {
namespace {

using ::elm::testing::TemporaryDirectory;
using ::testing::HasSubstr;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class PretrainTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    vocabulary_ = TrainVocabulary({.size = 500, .seed = 1, .documents = 200});
  }
  void SetUp() override {
    ASSERT_TRUE(WriteFileAtomically(directory_.Path("pieces.model"), vocabulary_).ok());
  }

  PretrainOptions Options(const std::string& name) const {
    PretrainOptions options;
    options.output = directory_.Path(name);
    options.tokenizer = directory_.Path("pieces.model");
    options.model = {.layers = 1,
                     .width = 32,
                     .query_heads = 2,
                     .kv_heads = 1,
                     .head_dim = 32,
                     .neurons = 32,
                     .vocab = 500,
                     .context = 1024,
                     .tied_head = true};
    options.tokens = 12'000;
    options.copy_tokens = 3'000;
    options.short_tokens = 3'000;
    options.short_length = 512;
    options.warmup_tokens = 1'000;
    options.batch_tokens = 512;
    options.log_steps = 2;
    options.validation_steps = 5;
    options.validation_groups = 2;
    options.threads = 2;
    return options;
  }

  // Stops a run before update `step`.
  static PretrainHooks StopAt(int step) {
    PretrainHooks hooks;
    hooks.throw_if_cancelled = [step, calls = 0]() mutable {
      if (calls++ == step) throw Error(Status(StatusCode::kCancelled, "stopped"));
    };
    return hooks;
  }

  static std::string RefusalOf(const PretrainOptions& options) {
    try {
      Pretrain(options);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  // Nats per token of a document that training has not seen.
  static double DocumentLoss(const TrainableLlama& model) {
    const auto tokenizer = Tokenizer::Load(vocabulary_);
    std::vector<int64_t> ids = {1};
    for (const uint32_t id :
         tokenizer.value()->Encode(pocket::MakeDocument(pocket::Split::kValidation, 1, 0))) {
      ids.push_back(id);
    }
    const torch::Tensor all = torch::tensor(ids);
    const int64_t rows = all.size(0) - 1;
    const SequenceLayout layout({{0, rows}}, model.config().head_dim, model.config().rope_theta,
                                torch::kCPU);
    return model.Loss(all.slice(0, 0, rows), all.slice(0, 1), torch::ones({rows}) / rows, layout)
        .total.item<double>();
  }

  static void ExpectSameRun(const PretrainOptions& a, const PretrainOptions& b) {
    for (const char* name : {"model.safetensors", "curve.json", "config.json"}) {
      EXPECT_EQ(Contents(a.output + "/" + name), Contents(b.output + "/" + name)) << name;
    }
    EXPECT_EQ(ReadTrainingState(a.output).position, ReadTrainingState(b.output).position);
  }

  static inline std::string vocabulary_;
  TemporaryDirectory directory_;
};

TEST_F(PretrainTest, LeavesACheckpointThatOthersRead) {
  const PretrainOptions options = Options("run");
  const PretrainReport report = Pretrain(options);
  EXPECT_GE(report.tokens, options.tokens);
  EXPECT_EQ(report.weights, 500 * 32 + 32 + 2 * 32 + 32 * (64 + 32 + 32 + 64) + 3 * 32 * 32);

  const auto checkpoint = OpenCheckpoint(options.output);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
  EXPECT_EQ(checkpoint.value()->config(), options.model);
  EXPECT_EQ(Contents(checkpoint.value()->tokenizer_path()), vocabulary_);

  // The exported weights have learned something about the text.
  TrainableLlama model(options.model, options.seed, torch::kCPU, torch::kFloat32);
  const double before = DocumentLoss(model);
  model.LoadWeights(*checkpoint.value());
  EXPECT_LT(DocumentLoss(model), before);

  const nlohmann::json curve = ReadJsonFile(options.output + "/curve.json");
  EXPECT_EQ(curve["schema"], 1);
  const nlohmann::json& last = curve["rows"].back();
  EXPECT_EQ(last["tokens"], report.tokens);
  EXPECT_EQ(last["validation"].size(), pocket::Families().size());
  EXPECT_LT(last["train_answer_loss"], curve["rows"][0]["train_answer_loss"]);
  const nlohmann::json summary = ReadJsonFile(options.output + "/pretrain.json");
  EXPECT_EQ(summary["finished"], true);
  EXPECT_EQ(summary["recipe"]["layers"], 1);
  EXPECT_EQ(summary.dump().find(directory_.path()), std::string::npos) << "no paths";
}

TEST_F(PretrainTest, AnInterruptedRunEndsInTheSameBits) {
  for (const char* dtype : {"float32", "auto"}) {
    PretrainOptions whole = Options(std::string("whole-") + dtype);
    PretrainOptions parts = Options(std::string("parts-") + dtype);
    whole.dtype = dtype;
    parts.dtype = dtype;
    Pretrain(whole);
    for (const int step : {1, 3, 4}) EXPECT_THROW(Pretrain(parts, StopAt(step)), Error);
    parts.threads = 1;
    const PretrainReport report = Pretrain(parts);
    EXPECT_TRUE(report.resumed);
    ExpectSameRun(whole, parts);
  }
}

TEST_F(PretrainTest, AFinishedRunIsNotRunAgain) {
  const PretrainOptions options = Options("run");
  Pretrain(options);
  const auto before = std::filesystem::last_write_time(options.output + "/model.safetensors");
  EXPECT_TRUE(Pretrain(options).resumed);
  EXPECT_EQ(std::filesystem::last_write_time(options.output + "/model.safetensors"), before);
}

TEST_F(PretrainTest, OtherOptionsAreRefusedByName) {
  PretrainOptions options = Options("run");
  EXPECT_THROW(Pretrain(options, StopAt(1)), Error);
  options.learning_rate = 1e-3;
  options.seed = 4;
  const std::string refusal = RefusalOf(options);
  EXPECT_THAT(refusal, HasSubstr("learning-rate is 0.001, was 0.002"));
  EXPECT_THAT(refusal, HasSubstr("seed is 4, was 1"));
  EXPECT_THAT(refusal, HasSubstr("--restart"));
  options.restart = true;
  EXPECT_FALSE(Pretrain(options).resumed);
}

TEST_F(PretrainTest, ADamagedCheckpointIsNamed) {
  const PretrainOptions options = Options("run");
  EXPECT_THROW(Pretrain(options, StopAt(1)), Error);
  const std::string path = CheckpointPath(options.output);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 4);
  EXPECT_THAT(RefusalOf(options), HasSubstr("checkpoint.safetensors"));
  std::ofstream(path) << "";
  EXPECT_THAT(RefusalOf(options), HasSubstr("checkpoint.safetensors"));
}

TEST_F(PretrainTest, StartsFromOtherWeights) {
  PretrainOptions first = Options("first");
  Pretrain(first);
  PretrainOptions second = Options("second");
  second.tokenizer = "";  // comes with the weights
  second.init = first.output;
  second.copy_tokens = 0;
  Pretrain(second);
  const auto mean = [](const PretrainOptions& options, bool last) {
    const nlohmann::json rows = ReadJsonFile(options.output + "/curve.json")["rows"];
    return (last ? rows.back() : rows.front())["train_other_loss"].get<double>();
  };
  EXPECT_LT(mean(second, false), mean(first, true) + 0.5);

  PretrainOptions other = Options("other");
  other.init = first.output;
  other.model.layers = 2;
  EXPECT_THAT(RefusalOf(other), HasSubstr("has 1 layers"));
}

// A file-size limit stands in for a full disk.
TEST_F(PretrainTest, AFullDiskKeepsTheLastCheckpoint) {
  const PretrainOptions options = Options("run");
  EXPECT_THROW(Pretrain(options, StopAt(2)), Error);
  const std::string before = Contents(CheckpointPath(options.output));
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit tight{4096, limit.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &tight);
  const std::string refusal = RefusalOf(options);
  setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_THAT(refusal, HasSubstr("checkpoint.safetensors"));
  EXPECT_THAT(refusal, HasSubstr("kept"));
  EXPECT_EQ(Contents(CheckpointPath(options.output)), before);
  Pretrain(options);
}

}  // namespace
}  // namespace elm
