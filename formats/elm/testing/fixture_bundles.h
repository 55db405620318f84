// The bundles in fixtures/: written once by the first release of the format, read forever after.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/base/hash.h"
#include "formats/elm/bundle_writer.h"
#include "formats/elm/quantise.h"
#include "formats/model/testing/tiny_tlm.h"

namespace elm::testing {

struct Fixture {
  const char* file;  // in fixtures/
  BundleContents contents;
};

// Two layers, two levels, layer 0 an anchor, a skipped MLP, KV heads shared unevenly, an adapter.
inline BundleContents FixtureContents(WeightType weights, WeightType vocabulary, bool tied_head) {
  BundleContents contents;
  ModelConfig& config = contents.config;
  config.layers = 2;
  config.width = 64;
  config.query_heads = 4;
  config.kv_heads = 2;
  config.head_dim = 32;
  config.neurons = 80;
  config.vocab = 40;
  config.context = 64;
  config.rope_theta = 10000.0F;
  config.rms_epsilon = 1e-5F;
  config.tied_head = tied_head;
  contents.levels.kv_of = {{0, 0, 1, 1}, {0, 1, 0, 1}};
  contents.levels.anchors = {0};
  contents.levels.levels = {{500, {{4, 2, 80}, {1, 1, 0}}}, {1000, {{4, 2, 80}, {4, 2, 80}}}};
  contents.generation = {
      .bos_id = 1, .add_bos = true, .stop_ids = {2, 39}, .chat_template = "<user>{text}\xc3\xa9"};
  contents.tokenizer_model = "stands for a tokenizer";
  contents.provenance_json = R"({"source":"fixture"})";
  contents.weights = weights;
  contents.vocabulary = vocabulary;
  contents.adapters = {{.level = 0, .rank = 3, .scale = 0.5F}};
  return contents;
}

// Between them every element type and layout. 80 neurons have no group of 32: down is f16 where the
// others are integers.
inline std::vector<Fixture> Fixtures() {
  return {
      {"1.0-integers.elm", FixtureContents(WeightType::kQ4, WeightType::kQ8, /*tied_head=*/true)},
      {"1.0-floats.elm", FixtureContents(WeightType::kBf16, WeightType::kF32, /*tied_head=*/false)},
  };
}

// Since 1.1: a tiny LM with a layer of each branch, a reference latency table, accuracies.
inline BundleContents ElasticFixtureContents() {
  BundleContents contents = FixtureContents(WeightType::kF16, WeightType::kQ8, /*tied_head=*/true);
  TlmSettings settings = TinyTlmSettings();
  settings.config.bottleneck = 32;
  settings.config.intermediate = 80;
  settings.model_levels_permille = {500, 1000};
  contents.tlm = TlmContents{.settings = settings, .weights = WeightType::kQ4, .group = 32};
  LatencyTable latency;
  latency.name = "reference:fixture";
  latency.level_permille = {500, 1000};
  latency.ttft_tokens = {16, 512};
  latency.ttft_ms = {{1.5, 40}, {2.5, 80}};
  latency.tpot_context = {0, 512};
  latency.tpot_ms = {{0.5, 0.75}, {1, 1.25}};
  latency.tlm_tokens = {16, 512};
  latency.tlm_ms = {0.25, 4};
  latency.selection_ms_per_kilotoken = 0.125;
  latency.switch_ms = 0.0625;
  latency.margin = 0.05;
  contents.reference_latency = latency;
  AccuracyGrid accuracy;
  accuracy.prompt_levels_permille = settings.prompt_levels_permille;
  accuracy.model_levels_permille = settings.model_levels_permille;
  accuracy.items = 40;
  accuracy.accuracy = {0.25, 0.5, 0.5, 0.75, 0.625, 1};
  accuracy.standard_error = {0.0625, 0.078125, 0.078125, 0.0625, 0.0703125, 0};
  contents.accuracy = accuracy;
  return contents;
}

inline Fixture ElasticFixture() { return {"1.1-tiny-lm.elm", ElasticFixtureContents()}; }

// Element `index` of the tensor or adapter matrix `name`: an integer from -8 to 7, divided by 32,
// which every type but q8 holds exactly; every 32 neighbours begin with -8, so that the integers of
// q4 are those. Norms are near 1.
inline float FixtureValue(const std::string& name, bool is_norm, uint64_t index) {
  const uint64_t mixed = Hash64(std::as_bytes(std::span(name))) + index * 0x9e3779b97f4a7c15U;
  const auto integer = index % 32 == 0 ? int64_t{-8} : static_cast<int64_t>((mixed >> 40) % 15) - 7;
  return (is_norm ? 1.0F : 0.0F) + static_cast<float>(integer) / 32.0F;
}

inline Status WriteFixture(const std::string& path, const BundleContents& contents) {
  const auto tensors = [](const TensorSpec& spec, std::span<float> values) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = FixtureValue(spec.name, spec.is_vector(), i);
    }
    return Status::Ok();
  };
  const auto adapters = [](size_t, const AdapterTensor& tensor, std::span<float> values) {
    const std::string name = StrCat(tensor.layer, " ", AdapterPartName(tensor.part));
    for (size_t i = 0; i < values.size(); ++i) values[i] = FixtureValue(name, false, i);
    return Status::Ok();
  };
  // Nearest rounding of a group whose extreme is -8/32 finds the scale 1/32 for q4.
  const MatrixQuantiser nearest = [](const TensorSpec& spec, WeightType type, uint32_t group,
                                     std::span<const float> values) {
    return QuantiseMatrix(type, ScaleSearch::kNearest, group, spec.rows, spec.columns, values);
  };
  const auto tlm = [](const TlmTensorSpec& spec, std::span<float> values) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = FixtureValue(TlmTensorName(spec), spec.is_norm() && !spec.bias, i);
    }
    return Status::Ok();
  };
  return WriteBundle(path, contents, tensors, {}, nearest, adapters, tlm);
}

}  // namespace elm::testing
