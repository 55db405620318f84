#include "formats/elm/elastic_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/elm/testing/tiny_bundle.h"
#include "formats/model/testing/mobilebert_shape.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

TEST(ElasticTextTest, ShowsTinyLmLatencyAndAccuracy) {
  const auto file = testing::MakeBundleBytes(testing::TinyElasticContents()).value();
  const std::string text = ElasticText(ParseBundle(file, "tiny.elm").value());
  EXPECT_THAT(text,
              HasSubstr("tiny LM       2 layers (1 shared), hidden 32, bottleneck 8, 2 heads, "
                        "2 x 12 neurons, NoNorm\n"));
  EXPECT_THAT(text, HasSubstr("TTFT 0.2 0.6 1.0; TPOT 0.5 1.0\n"));
  EXPECT_THAT(text, HasSubstr("decides by grid head"));
  EXPECT_THAT(text, HasSubstr("reference:tiny: 90.0 ms to the first token of 512"));
  EXPECT_THAT(text, HasSubstr("50 questions a cell"));
  EXPECT_THAT(text, HasSubstr("        0.6      50.0   75.0\n"));
}

TEST(ElasticTextTest, ABundleWithoutThemSaysNothing) {
  const auto file = testing::MakeBundleBytes(testing::TinyContents()).value();
  EXPECT_EQ(ElasticText(ParseBundle(file, "tiny.elm").value()), "");
}

// MobileBERT has 25 million parameters; the second top half adds 12 layers.
TEST(ElasticTextTest, CountsMobileBertsWeights) {
  TlmConfig config = testing::MobileBertConfig();
  config.shared_layers = 24;
  EXPECT_NEAR(static_cast<double>(CountTlmWeights(config).all), 24.4e6, 0.1e6);
  config.shared_layers = 12;
  EXPECT_NEAR(static_cast<double>(CountTlmWeights(config).layers_and_heads), 36 * 835584, 1e4);
}

}  // namespace
}  // namespace elm
