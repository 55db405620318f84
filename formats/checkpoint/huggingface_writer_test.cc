#include "formats/checkpoint/huggingface_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "formats/base/testing/temporary_directory.h"
#include "formats/checkpoint/checkpoint.h"

namespace elm {
namespace {

using ::elm::testing::TemporaryDirectory;
using ::testing::HasSubstr;

ModelConfig SmallConfig() {
  return {.layers = 2,
          .width = 8,
          .query_heads = 4,
          .kv_heads = 2,
          .head_dim = 4,
          .neurons = 12,
          .vocab = 16,
          .context = 32,
          .tied_head = true};
}

// Weights that F16 holds exactly.
std::vector<std::vector<float>> Weights(const ModelConfig& config) {
  std::vector<std::vector<float>> weights;
  for (const TensorSpec& spec : ListTensors(config)) {
    std::vector<float>& values = weights.emplace_back(spec.rows * spec.columns);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(i % 64) / 32 - static_cast<float>(weights.size());
    }
  }
  return weights;
}

TEST(HuggingFaceWriter, TheReaderTakesIt) {
  for (const bool tied : {true, false}) {
    const TemporaryDirectory directory;
    HuggingFaceModel model{
        .config = SmallConfig(), .bos = 1, .eos = 2, .tokenizer_model = "pieces", .tensors = {}};
    model.config.tied_head = tied;
    const auto weights = Weights(model.config);
    model.tensors.assign(weights.begin(), weights.end());
    const Status written = WriteHuggingFace(directory.path(), model);
    ASSERT_TRUE(written.ok()) << written.ToString();

    const auto read = OpenCheckpoint(directory.path());
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    const Checkpoint& checkpoint = *read.value();
    EXPECT_EQ(checkpoint.config(), model.config);
    EXPECT_EQ(checkpoint.special_tokens().bos, 1U);
    EXPECT_EQ(checkpoint.special_tokens().eos, std::vector<uint32_t>{2});
    EXPECT_EQ(checkpoint.tokenizer_path(), directory.Path("tokenizer.model"));
    for (size_t i = 0; i < weights.size(); ++i) {
      std::vector<float> values(weights[i].size());
      ASSERT_TRUE(checkpoint.ReadFloat(i, values).ok());
      EXPECT_EQ(values, weights[i]) << checkpoint.tensors()[i].spec.name;
      EXPECT_EQ(checkpoint.tensors()[i].dtype, DType::kF16);
    }
  }
}

TEST(HuggingFaceWriter, NamesWhatItCannotWrite) {
  const TemporaryDirectory directory;
  HuggingFaceModel model{.config = SmallConfig(), .tokenizer_model = "", .tensors = {}};
  EXPECT_THAT(WriteHuggingFace(directory.path(), model).message(), HasSubstr("0 tensors"));
  const Status status = WriteHuggingFace(directory.Path("missing"), model);
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("missing/config.json"));
}

}  // namespace
}  // namespace elm
