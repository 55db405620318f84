#include "toolchain/pipeline/prepare_options.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "toolchain/model/device.h"

namespace elm {
namespace {

Status CheckRange(const char* flag, uint64_t value, uint64_t lowest, uint64_t highest) {
  if (value >= lowest && value <= highest) return Status::Ok();
  return InvalidArgument(flag, " is ", value, ", expected ", lowest, " to ", highest);
}

}  // namespace

Status Validate(const PrepareOptions& options) {
  ELM_RETURN_IF_ERROR(CheckRange("--window-tokens", options.window_tokens, 2, 1U << 16));
  ELM_RETURN_IF_ERROR(CheckRange("--windows", options.calibration_windows, 1, 1U << 20));
  ELM_RETURN_IF_ERROR(CheckRange("--held-out", options.held_out_windows, 1, 1U << 20));
  ELM_RETURN_IF_ERROR(CheckRange("--batch", options.batch, 1, 4096));
  ELM_RETURN_IF_ERROR(CheckRange("--snap", options.neuron_snap.value_or(1), 1, 4096));
  ELM_RETURN_IF_ERROR(CheckRange("--threads", options.threads, 0, 1024));
  if (!(options.anchor_share >= 0 && options.anchor_share < 1)) {
    return InvalidArgument("--anchor-share is ", options.anchor_share,
                           ", expected 0 up to below 1");
  }
  ELM_RETURN_IF_ERROR(CheckGroup("--group", options.group));
  if (WantsTlm(options)) ELM_RETURN_IF_ERROR(Validate(TlmOptionsOf(options)));
  if (options.dtype != "float32" && options.dtype != "bfloat16") {
    return InvalidArgument("--dtype is \"", options.dtype, "\", expected float32 or bfloat16");
  }
  ELM_RETURN_IF_ERROR(CheckDeviceName(options.device));
  if (!(options.assume_tflops >= 0) || !(options.assume_gbs >= 0)) {
    return InvalidArgument("--assume-tflops and --assume-gbs must not be negative");
  }
  return Status::Ok();
}

nlohmann::json ToJson(const PrepareOptions& options) {
  nlohmann::json json = {
      {"window_tokens", options.window_tokens},
      {"calibration_windows", options.calibration_windows},
      {"held_out_windows", options.held_out_windows},
      {"batch", options.batch},
      {"exact_heads", options.exact_heads},
      {"weight_gradient", options.weight_gradient},
      {"levels_permille", options.levels},
      {"anchor_share", options.anchor_share},
      {"policy", options.policy ? UnitPolicyName(*options.policy) : "auto"},
      {"metric", options.metric ? ScoreMetricName(*options.metric) : "auto"},
      {"quant", options.quant ? WeightTypeName(*options.quant) : "auto"},
      {"vocab_quant", options.vocab_quant ? WeightTypeName(*options.vocab_quant) : "auto"},
      {"group", options.group},
      {"rounding", options.rounding ? RoundingName(*options.rounding) : "auto"},
      {"device", options.device},
      {"dtype", options.dtype},
      {"threads", options.threads},
      {"seed", options.seed},
  };
  json["neuron_snap"] = options.neuron_snap ? nlohmann::json(*options.neuron_snap) : "auto";
  if (options.anchors) json["anchors"] = *options.anchors;
  json["allocation"] = options.allocation ? AllocationName(*options.allocation) : "auto";
  json["recover"] = Recipe(RecoverOptionsOf(options));
  json["tlm"] = {{"wanted", WantsTlm(options)},
                 {"score", ScoreRecipe(TlmOptionsOf(options))},
                 {"label", LabelRecipe(TlmOptionsOf(options))},
                 {"decide", DecisionRecipe(TlmOptionsOf(options))}};
  return json;
}

TlmOptions TlmOptionsOf(const PrepareOptions& options) {
  TlmOptions tlm = options.tlm;
  tlm.seed = options.seed;
  tlm.threads = options.threads;
  return tlm;
}

bool WantsTlm(const PrepareOptions& options) {
  return !options.no_tlm && !options.tlm.tasks.empty();
}

RecoverOptions RecoverOptionsOf(const PrepareOptions& options) {
  RecoverOptions recover = options.recover;
  recover.seed = options.seed;
  recover.device = options.device;
  recover.threads = options.threads;
  return recover;
}

}  // namespace elm
