#include "toolchain/pipeline/built_in.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "datasets/documents.h"
#include "formats/base/testing/temporary_directory.h"
#include "runtime/tlm/wordpiece.h"
#include "toolchain/base/error.h"
#include "toolchain/tlm/score_head.h"
#include "toolchain/tlm/task_words.h"
#include "toolchain/tlm/tlm_directory.h"
#include "toolchain/tlm/tlm_tasks.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(BuiltInTest, TheTextConsistsOfSeparateDocuments) {
  const std::string text = BuiltInText(7, 1);
  EXPECT_THAT(SplitDocuments(text), SizeIs(7));
  EXPECT_EQ(text, BuiltInText(7, 1));
  EXPECT_NE(text, BuiltInText(7, 2));
}

TEST(BuiltInTest, ModelsAreToldFromPaths) {
  EXPECT_TRUE(IsBuiltIn(""));
  EXPECT_TRUE(IsBuiltIn("pocket-4m"));
  EXPECT_FALSE(IsBuiltIn("models/stories"));
  EXPECT_EQ(ResolveCheckpoint("models/stories"), "models/stories");
  // What lies in the current folder goes before a built-in name.
  const testing::TemporaryDirectory directory;
  std::filesystem::create_directory(directory.Path("pocket-4m"));
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  EXPECT_FALSE(IsBuiltIn("pocket-4m"));
  std::filesystem::current_path(before);
}

// The tiny LM that comes along knows its world: of half the words of test contexts that it keeps,
// nearly none that an answer needs is missing (half of them would be, by chance).
TEST(BuiltInTest, TheTinyLmKeepsWhatAnswersNeed) {
  const StoredTlm tlm = LoadTlm(SharedFile(kBuiltInTlm));
  EXPECT_LE(tlm.model.body_weights(), 155'000U);
  EXPECT_TRUE(tlm.provenance.contains("decisions"));
  const WordPieceTokenizer tokenizer =
      WordPieceTokenizer::Load(tlm.settings.vocabulary, tlm.settings.lower_case).value();
  const std::vector<Task> tasks = TlmTasks("pocket", "test", /*count=*/10, /*seed=*/7);
  const auto scores = ScoreWords(tlm.model, tlm.settings, tokenizer, tasks);
  size_t needed = 0;
  size_t kept_of_needed = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const size_t words = CountContextWords(tasks[i]);
    const std::vector<uint8_t> kept = HighestWords(scores[i], words / 2);
    size_t first = 0;
    for (size_t part = 0; part < tasks[i].needed_words.size(); ++part) {
      for (const uint32_t word : tasks[i].needed_words[part]) {
        ++needed;
        kept_of_needed += kept[first + word];
      }
      first += SplitWords(tasks[i].context[part]).size();
    }
  }
  ASSERT_GT(needed, 100U);
  EXPECT_GT(static_cast<double>(kept_of_needed), 0.85 * static_cast<double>(needed));
}

TEST(BuiltInTest, AModelThatIsNotThereIsNamed) {
  try {
    ResolveCheckpoint("pocket-9t");
    FAIL() << "there is no such model";
  } catch (const Error& error) {
    EXPECT_EQ(error.status().code(), StatusCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("no built-in model pocket-9t"));
  }
}

}  // namespace
}  // namespace elm
