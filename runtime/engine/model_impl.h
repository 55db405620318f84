// What a Model holds; session.cc reads it.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "formats/elm/bundle.h"
#include "runtime/engine/weights.h"
#include "runtime/include/elm/elm.hpp"
#include "runtime/kernels/kernels.h"

namespace elm {

struct Model::Impl {
  std::shared_ptr<const Bundle> bundle;
  ModelWeights weights;
  const KernelTable* kernels = nullptr;
  std::vector<double> rope_frequencies;  // [head_dim / 2]

  // The tokenizer or the reason why there is none, found out once by whoever asks first.
  mutable std::once_flag tokenizer_once;
  mutable std::unique_ptr<const Tokenizer> tokenizer;
  mutable Status tokenizer_status;
};

}  // namespace elm
