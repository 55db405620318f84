#include "runtime/engine/charsmap_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/assets.h"
#include "runtime/engine/testing/tiny_tokenizer.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::ProtoWriter;

// A double array of one block. The root leads to it; "x" (at 0x78) has a value, the text "yy".
struct Rules {
  std::vector<uint32_t> units = std::vector<uint32_t>(512, 0);
  std::string text = std::string("yy\0", 3);

  Rules() {
    units[0] = 256U << 10;                           // children at 256 ^ byte
    units[256 ^ 'x'] = 'x' | 1U << 8 | 0x78U << 10;  // value at 256 ^ 'x' ^ 0x78 = 256
    units[256] = 1U << 31 | 0;                       // value 0
  }
  std::string Serialise() const {
    const auto size = static_cast<uint32_t>(units.size() * 4);
    std::string blob(reinterpret_cast<const char*>(&size), 4);
    blob.append(reinterpret_cast<const char*>(units.data()), size);
    return blob + text;
  }
};

std::string ModelWith(const std::string& charsmap) {
  ProtoWriter normalizer;
  normalizer.Bytes(2, charsmap);
  ProtoWriter model;
  model.Bytes(3, normalizer.bytes());
  // Later occurrences of a message are merged into the first, so this one's rules win.
  return testing::TinyTokenizerModel() + model.bytes();
}

TEST(CharsmapCheck, GoodRulesWork) {
  const std::string model = ModelWith(Rules().Serialise());
  EXPECT_TRUE(CheckCharsmaps(model).ok()) << CheckCharsmaps(model).ToString();
  const auto tokenizer = Tokenizer::Load(model);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  EXPECT_EQ((*tokenizer)->Encode("axb"), (*tokenizer)->Encode("ayyb"));
  EXPECT_TRUE(CheckCharsmaps(testing::TinyTokenizerModel()).ok());
}

TEST(CharsmapCheck, StepsOutsideTheArray) {
  Rules rules;
  rules.units[256 ^ 'x'] = 'x' | 512U << 10;
  EXPECT_THAT(CheckCharsmaps(ModelWith(rules.Serialise())).message(), HasSubstr("leads to unit"));
  rules = Rules();
  rules.units[0] = 1U << 9 | (1U << 20) << 10;
  EXPECT_FALSE(CheckCharsmaps(ModelWith(rules.Serialise())).ok());
  rules = Rules();
  rules.units.resize(300);  // the block that the root leads to is cut
  EXPECT_FALSE(CheckCharsmaps(ModelWith(rules.Serialise())).ok());
}

TEST(CharsmapCheck, ValuesOutsideTheText) {
  Rules rules;
  rules.units[256] = 1U << 31 | 3;
  const std::string model = ModelWith(rules.Serialise());
  EXPECT_THAT(CheckCharsmaps(model).message(), HasSubstr("points to byte 3 of 3"));
  EXPECT_EQ(Tokenizer::Load(model).status().code(), StatusCode::kCorruption);
}

TEST(CharsmapCheck, SizesThatDoNotFit) {
  std::string blob = Rules().Serialise();
  for (const uint32_t size : {0U, 6U, 1U << 20, 0xfffffffcU}) {
    std::memcpy(blob.data(), &size, 4);
    EXPECT_FALSE(CheckCharsmaps(ModelWith(blob)).ok()) << size;
  }
  EXPECT_FALSE(CheckCharsmaps(ModelWith("abc")).ok());
}

TEST(CharsmapCheck, BrokenProtocolBuffers) {
  for (const char* message :
       {"\x80", "\x08", "\x09zzz", "\x0a\x05zz", "\x0a\xff\xff\xff\xff\x0f", "\x0b",
        "\x0d"
        "abc"}) {
    EXPECT_EQ(CheckCharsmaps(message).code(), StatusCode::kCorruption);
  }
  EXPECT_TRUE(CheckCharsmaps("").ok());
}

// The rules of models in the wild pass, and no damage to them gets through to a crash.
TEST(CharsmapCheck, DamagedRulesOfARealModelNeverCrash) {
  constexpr const char* kModel = "tokenizers/hf_sp_bytefallback.model";
  const std::string path = AssetPath(kModel);
  if (path.empty()) GTEST_SKIP() << MissingAsset(kModel);
  const std::string whole = *ReadFile(path, 1U << 26);
  ASSERT_TRUE(CheckCharsmaps(whole).ok()) << CheckCharsmaps(whole).ToString();
  std::mt19937 engine(3);
  int refused = 0;
  int accepted = 0;
  for (int round = 0; round < 100; ++round) {
    std::string damaged = whole;
    // The rules fill most of the file's second half.
    damaged[damaged.size() / 2 + engine() % (damaged.size() / 2)] ^=
        static_cast<char>(engine() | 1);
    const auto tokenizer = Tokenizer::Load(damaged);
    ++(tokenizer.ok() ? accepted : refused);
    if (!tokenizer.ok()) continue;
    static_cast<void>((*tokenizer)->Encode("\xef\xbc\xa1 \xc2\xbd \xe2\x85\xa7 caf\xc3\xa9"));
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace elm
