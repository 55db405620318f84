// A bundle small enough to damage every bit of, and the values that it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/base/hash.h"
#include "formats/base/mapped_file.h"
#include "formats/base/status.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/elm/bundle_writer.h"
#include "formats/model/testing/tiny_tlm.h"

namespace elm::testing {

inline ModelConfig TinyConfig() {
  ModelConfig config;
  config.layers = 2;
  config.width = 8;
  config.query_heads = 4;
  config.kv_heads = 2;
  config.head_dim = 2;
  config.neurons = 6;
  config.vocab = 10;
  config.context = 16;
  return config;
}

// Two levels; layer 0 is an anchor, layer 1 interleaves its KV heads.
inline LevelTable TinyLevels() {
  LevelTable table;
  table.kv_of = {{0, 0, 1, 1}, {0, 1, 0, 1}};
  table.anchors = {0};
  table.levels = {{700, {{4, 2, 6}, {1, 1, 3}}}, {1000, {{4, 2, 6}, {4, 2, 6}}}};
  return table;
}

inline BundleContents TinyContents(WeightType weights = WeightType::kF16) {
  BundleContents contents;
  contents.config = TinyConfig();
  contents.levels = TinyLevels();
  contents.generation.bos_id = 1;
  contents.generation.add_bos = true;
  contents.generation.stop_ids = {2, 9};
  contents.generation.chat_template = "<user>{text}";
  contents.tokenizer_model = "a serialised tokenizer";
  contents.provenance_json = R"({"source":"tiny"})";
  contents.weights = weights;
  return contents;
}

// The value of element `index` of a tensor: in (-1, 1], a multiple of 1/128, so that all element
// types hold it exactly; different from tensor to tensor.
inline float TinyValue(const TensorSpec& spec, uint64_t index) {
  const uint64_t mixed = Hash64(std::as_bytes(std::span(spec.name))) + index * 0x9e3779b97f4a7c15U;
  return static_cast<float>(static_cast<int64_t>(mixed >> 56) - 128) / 128.0F + 1.0F / 128.0F;
}

inline Status FillTiny(const TensorSpec& spec, std::span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = TinyValue(spec, i);
  return Status::Ok();
}

// The same with everything that version 1.1 may hold beside.
inline BundleContents TinyElasticContents(WeightType tlm_weights = WeightType::kQ8) {
  BundleContents contents = TinyContents();
  contents.tlm = TlmContents{.settings = TinyTlmSettings(), .weights = tlm_weights, .group = 32};
  LatencyTable latency;
  latency.name = "reference:tiny";
  latency.level_permille = {700, 1000};
  latency.ttft_tokens = {8, 64, 512};
  latency.ttft_ms = {{1, 7, 60}, {1.5, 10, 90}};
  latency.tpot_context = {0, 512};
  latency.tpot_ms = {{0.5, 0.75}, {1, 1.25}};
  latency.tlm_tokens = {8, 512};
  latency.tlm_ms = {0.25, 4};
  latency.selection_ms_per_kilotoken = 0.125;
  latency.switch_ms = 0.002;
  latency.margin = 0.05;
  contents.reference_latency = latency;
  AccuracyGrid accuracy;
  accuracy.prompt_levels_permille = {300, 600, 1000};
  accuracy.model_levels_permille = {700, 1000};
  accuracy.items = 50;
  accuracy.accuracy = {0.25, 0.5, 0.5, 0.75, 0.625, 1};
  accuracy.standard_error = {0.061, 0.07, 0.07, 0.061, 0.068, 0};
  contents.accuracy = accuracy;
  return contents;
}

// As TinyValue(): exactly representable, different from tensor to tensor.
inline float TinyTlmValue(const TlmTensorSpec& spec, uint64_t index) {
  const std::string name = TlmTensorName(spec);
  const uint64_t mixed = Hash64(std::as_bytes(std::span(name))) + index * 0x9e3779b97f4a7c15U;
  return static_cast<float>(static_cast<int64_t>(mixed >> 56) - 128) / 128.0F + 1.0F / 128.0F;
}

inline Status FillTinyTlm(const TlmTensorSpec& spec, std::span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = TinyTlmValue(spec, i);
  return Status::Ok();
}

// The bytes of the bundle that WriteBundle() makes of `contents`.
inline Result<std::vector<std::byte>> MakeBundleBytes(const BundleContents& contents) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("tiny.elm");
  ELM_RETURN_IF_ERROR(
      WriteBundle(path, contents, FillTiny, {}, LeastErrorQuantiser(), {}, FillTinyTlm));
  ELM_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, uint64_t{1} << 30));
  const auto view = std::as_bytes(std::span(bytes));
  return std::vector<std::byte>(view.begin(), view.end());
}

}  // namespace elm::testing
