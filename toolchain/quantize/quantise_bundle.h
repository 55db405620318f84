// From a bundle of floating-point weights to one of integers: everything else stays.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "datasets/token_windows.h"
#include "formats/elm/bundle.h"
#include "formats/elm/bundle_writer.h"
#include "toolchain/quantize/choose_rounding.h"

namespace elm {

struct QuantiseBundleOptions {
  WeightType layers = WeightType::kQ4;
  WeightType vocabulary = WeightType::kQ8;  // of embedding and head
  uint32_t group = kDefaultGroup;
  std::optional<Rounding> rounding;  // empty: the lowest held-out loss; least error without text
  const TokenWindows* calibration = nullptr;  // both or neither
  const TokenWindows* held_out = nullptr;
  size_t batch = 8;
};

struct QuantiseBundleProgress {
  std::function<void(size_t done, size_t total)> round;
  WriteProgress write;
};

// Writes `output`, which appears when it is complete. Levels, tokenizer, generation, adapters and
// provenance are those of `bundle`, with a note of the rounding. Refuses a bundle that is quantised
// already: its errors would add up. Throws elm::Error. The result has no candidates when no text
// was given.
ChosenRounding QuantiseBundle(const Bundle& bundle, const std::string& output,
                              const QuantiseBundleOptions& options,
                              const QuantiseBundleProgress& progress = {});

}  // namespace elm
