#include "toolchain/pretrain/pretrain_options.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr double kFinalShare = 0.1;  // of the peak learning rate

void CheckShare(const char* flag, double value) {
  if (value >= 0 && value <= 1) return;
  throw Error(InvalidArgument(flag, " is ", value, ", expected a share from 0 to 1"));
}

void CheckPositive(const char* flag, double value) {
  if (std::isfinite(value) && value > 0) return;
  throw Error(InvalidArgument(flag, " is ", value, ", expected a number above 0"));
}

}  // namespace

void Validate(const PretrainOptions& options) {
  ThrowIfError(Validate(options.model));
  CheckPositive("--tokens", static_cast<double>(options.tokens));
  CheckPositive("--batch-tokens", options.batch_tokens);
  CheckPositive("--accumulate", options.accumulate);
  CheckPositive("--learning-rate", options.learning_rate);
  CheckPositive("--clip", options.clip);
  CheckPositive("--questions", options.questions);
  CheckPositive("--checkpoint-minutes", options.checkpoint_minutes);
  CheckPositive("--log-steps", options.log_steps);
  CheckPositive("--validation-steps", options.validation_steps);
  CheckPositive("--validation-groups", options.validation_groups);
  CheckShare("--context-weight", options.context_weight);
  CheckShare("--small-share", options.small_share);
  CheckShare("--word-drop-share", options.word_drop_share);
  CheckShare("--corpus-share", options.corpus_share);
  CheckShare("--weight-decay", options.weight_decay);
  if (options.copy_tokens >= options.tokens) {
    throw Error(InvalidArgument("--copy-tokens is ", options.copy_tokens,
                                ", which leaves nothing of --tokens ", options.tokens,
                                " for text"));
  }
  if (options.dtype != "auto" && options.dtype != "float32" && options.dtype != "bfloat16") {
    throw Error(
        InvalidArgument("--dtype is \"", options.dtype, "\", expected auto, float32 or bfloat16"));
  }
}

nlohmann::json Recipe(const PretrainOptions& options) {
  const ModelConfig& model = options.model;
  return {{"layers", model.layers},
          {"width", model.width},
          {"query-heads", model.query_heads},
          {"kv-heads", model.kv_heads},
          {"head-dim", model.head_dim},
          {"neurons", model.neurons},
          {"vocab", model.vocab},
          {"context", model.context},
          {"tokens", options.tokens},
          {"copy-tokens", options.copy_tokens},
          {"short-tokens", options.short_tokens},
          {"short-length", options.short_length},
          {"batch-tokens", options.batch_tokens},
          {"accumulate", options.accumulate},
          {"learning-rate", options.learning_rate},
          {"warmup-tokens", options.warmup_tokens},
          {"weight-decay", options.weight_decay},
          {"clip", options.clip},
          {"context-weight", options.context_weight},
          {"questions", options.questions},
          {"small-share", options.small_share},
          {"word-drop-share", options.word_drop_share},
          {"corpus-share", options.corpus_share},
          {"seed", options.seed},
          {"dtype", options.dtype}};
}

double LearningRate(const PretrainOptions& options, uint64_t tokens) {
  const auto at = static_cast<double>(tokens);
  const auto copying = static_cast<double>(options.copy_tokens);
  if (tokens < options.warmup_tokens) {
    // The first update moves too.
    const auto warmup = static_cast<double>(options.warmup_tokens);
    const auto step = static_cast<double>(options.batch_tokens) * options.accumulate;
    return options.learning_rate * std::min(1.0, (at + step) / warmup);
  }
  if (at < copying) return options.learning_rate;
  const double begin = std::max(copying, static_cast<double>(options.warmup_tokens));
  const double rest = std::max(1.0, static_cast<double>(options.tokens) - begin);
  const double progress = std::clamp((at - begin) / rest, 0.0, 1.0);
  const double falling = 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return options.learning_rate * (kFinalShare + (1 - kFinalShare) * falling);
}

}  // namespace elm
