// Bundles of the first release of the format give the logits that they gave then.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "formats/elm/testing/fixture_bundles.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

struct Golden {
  const char* file;
  const char* level;
  bool adapters;
  std::array<float, 4> logits;  // of ids 0, 13, 26, 39 behind kIds
};

constexpr std::array<uint32_t, 6> kIds = {1, 30, 5, 17, 17, 38};

// By the scalar kernels, with keys and values in f32.
const Golden kGolden[] = {
    {"1.0-integers.elm", "0.5", true, {-0.08993F, 0.42040F, 0.09712F, 0.26540F}},
    {"1.0-integers.elm", "0.5", false, {-0.60187F, 0.93897F, 0.00364F, 0.10117F}},
    {"1.0-integers.elm", "1.0", true, {-0.72507F, 1.17856F, 0.42156F, -0.16755F}},
    {"1.0-floats.elm", "0.5", true, {0.24018F, 0.01138F, 2.24968F, -0.35349F}},
    {"1.0-floats.elm", "0.5", false, {-0.02852F, 0.04920F, 2.09599F, -0.65423F}},
    {"1.0-floats.elm", "1.0", true, {-0.22449F, 0.23358F, 2.34447F, -0.25735F}},
};

TEST(FixtureTest, LogitsAreThoseOfTheFirstRelease) {
  for (const Golden& golden : kGolden) {
    SCOPED_TRACE(StrCat(golden.file, " level ", golden.level, " adapters ", golden.adapters));
    const auto model = Model::Load(StrCat(ELM_FIXTURES, "/", golden.file)).value();
    auto session =
        Session::Create(model,
                        {.level = golden.level, .kv = KvType::kF32, .adapters = golden.adapters})
            .value();
    ASSERT_TRUE(session->Append(kIds).ok());
    // bf16 weights multiply rounded activations where the processor can.
    const bool floats = std::string(golden.file) == "1.0-floats.elm";
    for (size_t i = 0; i < golden.logits.size(); ++i) {
      EXPECT_NEAR(session->logits()[13 * i], golden.logits[i], floats ? 0.01 : 1e-3);
    }
  }
}

}  // namespace
}  // namespace elm
