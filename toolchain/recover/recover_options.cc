#include "toolchain/recover/recover_options.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "formats/elm/layout.h"
#include "toolchain/base/error.h"
#include "toolchain/training/bf16_kernels.h"

namespace elm {
namespace {

constexpr std::array kRecoveryNames = {"none", "sft", "distill", "both"};

template <typename T>
void RequireRange(const char* flag, T value, T lowest, T highest) {
  if (value >= lowest && value <= highest) return;
  throw Error(InvalidArgument(flag, " is ", value, ", expected ", lowest, " to ", highest));
}

void RequirePositive(const char* flag, double value) {
  if (value > 0 && std::isfinite(value)) return;
  throw Error(InvalidArgument(flag, " is ", value, ", expected more than 0"));
}

}  // namespace

const char* RecoveryName(Recovery recovery) { return kRecoveryNames[static_cast<int>(recovery)]; }

std::optional<Recovery> ParseRecovery(std::string_view name) {
  for (size_t i = 0; i < kRecoveryNames.size(); ++i) {
    if (name == kRecoveryNames[i]) return static_cast<Recovery>(i);
  }
  return std::nullopt;
}

double DistillationShare(Recovery recovery) {
  if (recovery == Recovery::kDistill) return 1.0;
  return recovery == Recovery::kBoth ? 0.5 : 0.0;
}

double DefaultLearningRate(uint32_t width) { return 3e-3 * std::sqrt(192.0 / width); }

double RecoveryLearningRate(double peak, double done) {
  constexpr double kWarmUp = 0.05;
  if (done < kWarmUp) return peak * (done + 1e-3) / (kWarmUp + 1e-3);
  const double way = (done - kWarmUp) / (1 - kWarmUp);
  return peak * 0.5 * (1 + std::cos(std::numbers::pi * way));
}

void Validate(const RecoverOptions& options) {
  RequireRange<uint32_t>("--recover-rank", options.rank, 1, layout::kMaxAdapterRank);
  RequirePositive("--recover-alpha", options.alpha);
  RequireRange<uint64_t>("--recover-tokens", options.tokens, 1, uint64_t{1} << 40);
  RequireRange<uint32_t>("--recover-batch", options.batch_tokens, 16, 1U << 20);
  RequireRange<uint32_t>("--recover-accumulate", options.accumulate, 1, 4096);
  if (options.learning_rate != 0) RequirePositive("--recover-rate", options.learning_rate);
  if (!(options.dropout >= 0 && options.dropout < 1)) {
    throw Error(
        InvalidArgument("--recover-dropout is ", options.dropout, ", expected 0 up to below 1"));
  }
  if (options.dtype != "auto" && options.dtype != "float32" && options.dtype != "bfloat16") {
    throw Error(InvalidArgument("--recover-dtype is \"", options.dtype,
                                "\", expected auto, float32 or bfloat16"));
  }
  RequireRange<uint32_t>("--recover-validations", options.validations, 1, 10000);
}

RecoverOptions Resolve(RecoverOptions options, const ModelConfig& config) {
  Validate(options);
  if (options.learning_rate == 0) options.learning_rate = DefaultLearningRate(config.width);
  if (options.dtype == "auto") {
    options.dtype = options.device != "cpu" || HasBf16Kernels() ? "bfloat16" : "float32";
  }
  return options;
}

nlohmann::json Recipe(const RecoverOptions& options) {
  nlohmann::json recipe = {{"recovery", RecoveryName(options.recovery)},
                           {"rank", options.rank},
                           {"alpha", options.alpha},
                           {"tokens", options.tokens},
                           {"batch_tokens", options.batch_tokens},
                           {"accumulate", options.accumulate},
                           {"learning_rate", options.learning_rate},
                           {"clip", options.clip},
                           {"context_weight", options.context_weight},
                           {"validations", options.validations},
                           {"seed", options.seed},
                           {"device", options.device},
                           {"dtype", options.dtype}};
  // Absent where nothing is dropped: adapters that were trained before there was dropout are those
  // of the same recipe.
  if (options.dropout > 0) recipe["dropout"] = options.dropout;
  return recipe;
}

}  // namespace elm
