#include "toolchain/quantize/quantise_bundle.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "formats/elm/adapter_values.h"
#include "formats/elm/bundle_plan.h"
#include "formats/elm/quantise.h"
#include "toolchain/base/error.h"
#include "toolchain/model/bundle_model.h"

namespace elm {
namespace {

void RefuseQuantised(const Bundle& bundle) {
  for (const BundleTensor& tensor : bundle.view().tensors) {
    if (!IsQuantised(tensor.type)) continue;
    throw Error(Unsupported(bundle.path(), ": ", tensor.spec.name, " is ",
                            WeightTypeName(tensor.type),
                            " already, and rounding twice adds both errors; start from the f32, "
                            "f16 or bf16 bundle"));
  }
}

// The type of most weights before, for the note.
const char* FormerType(const Bundle& bundle) {
  return WeightTypeName(bundle.FindTensor(TensorRole::kEmbedding, 0)->type);
}

BundleContents Describe(const Bundle& bundle, const QuantiseBundleOptions& options) {
  BundleContents contents;
  contents.config = bundle.config();
  contents.levels = bundle.levels();
  contents.generation = bundle.view().generation;
  contents.tokenizer_model = bundle.view().tokenizer_model;
  contents.provenance_json = bundle.view().provenance_json;
  contents.weights = options.layers;
  contents.vocabulary = options.vocabulary;
  contents.group = options.group;
  for (const BundleAdapter& adapter : bundle.view().adapters) {
    contents.adapters.push_back({adapter.level, adapter.rank, adapter.scale});
  }
  return contents;
}

// The provenance with a note of what was done; text that is no object stays as it is.
std::string WithNote(const Bundle& bundle, Rounding rounding) {
  auto provenance = nlohmann::json::parse(bundle.view().provenance_json, nullptr, false);
  if (provenance.is_discarded()) provenance = nlohmann::json::object();
  if (!provenance.is_object()) return std::string(bundle.view().provenance_json);
  provenance["quantised_from"] = FormerType(bundle);
  provenance["rounding"] = RoundingName(rounding);
  return provenance.dump();
}

ChosenRounding Round(const Bundle& bundle, const BundleContents& contents,
                     const QuantiseBundleOptions& options, const RoundingProgress& progress) {
  const BundlePlan plan = ValueOrThrow(PlanBundle(contents));
  return ChooseRounding(
      {.load_model = [&] { return LoadBundleModel(bundle, torch::kCPU, torch::kFloat32); },
       .levels = bundle.levels(),
       .tensors = plan.tensors,
       .calibration = *options.calibration,
       .held_out = *options.held_out,
       .batch = options.batch},
      options.rounding, progress);
}

// Rounds while writing, one matrix in memory at a time.
MatrixQuantiser RoundEach(ScaleSearch search) {
  return [search](const TensorSpec& spec, WeightType type, uint32_t group,
                  std::span<const float> values) {
    return QuantiseMatrix(type, search, group, spec.rows, spec.columns, values);
  };
}

}  // namespace

ChosenRounding QuantiseBundle(const Bundle& bundle, const std::string& output,
                              const QuantiseBundleOptions& options,
                              const QuantiseBundleProgress& progress) {
  RefuseQuantised(bundle);
  BundleContents contents = Describe(bundle, options);
  ChosenRounding chosen;
  MatrixQuantiser quantiser;
  if (options.calibration != nullptr) {
    chosen = Round(bundle, contents, options, progress.round);
    quantiser = TakeFrom(chosen.tensors);
  } else {
    chosen.rounding = options.rounding.value_or(Rounding::kLeastError);
    if (chosen.rounding == Rounding::kCalibrated) {
      throw Error(InvalidArgument("calibrated rounding needs a text; give one with --data"));
    }
    quantiser = RoundEach(chosen.rounding == Rounding::kNearest ? ScaleSearch::kNearest
                                                                : ScaleSearch::kError);
  }
  contents.provenance_json = WithNote(bundle, chosen.rounding);

  size_t next = 0;  // sources are asked in the order of ListTensors(), which is the bundle's
  const TensorSource source = [&](const TensorSpec&, std::span<float> values) {
    DecodeTensor(bundle.view().tensors[next++], values);
    return Status::Ok();
  };
  const AdapterSource adapters = [&](size_t adapter, const AdapterTensor& tensor,
                                     std::span<float> values) {
    DecodeAdapter(bundle.view().adapters[adapter], tensor, values);
    return Status::Ok();
  };
  ThrowIfError(WriteBundle(output, contents, source, progress.write, quantiser, adapters));
  return chosen;
}

}  // namespace elm
