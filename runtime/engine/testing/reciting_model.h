// A model that says what it is told: behind each id it gives the highest logit to the next id of a
// script.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "formats/base/testing/temporary_directory.h"
#include "formats/elm/bundle_writer.h"
#include "runtime/engine/testing/tiny_tokenizer.h"
#include "runtime/include/elm/elm.hpp"

namespace elm::testing {

// id -> the id that follows it; an id that is not in the script is followed by id 0.
using Script = std::map<uint32_t, uint32_t>;

inline BundleContents RecitingContents(uint32_t context = 32) {
  BundleContents contents;
  ModelConfig& config = contents.config;
  config.layers = 1;
  config.vocab = static_cast<uint32_t>(TinyPieces().size());
  config.width = config.vocab;
  config.query_heads = 1;
  config.kv_heads = 1;
  config.head_dim = 2;
  config.neurons = 1;
  config.context = context;
  contents.levels = FullLevelOnly(config);
  contents.generation.bos_id = 1;
  contents.generation.add_bos = true;
  contents.generation.stop_ids = {2};
  contents.tokenizer_model = TinyTokenizerModel();
  contents.weights = WeightType::kF16;
  return contents;
}

// Each token's embedding is a direction of its own and the layer adds nothing, so the head alone
// decides.
inline Status WriteRecitingBundle(const std::string& path, const BundleContents& contents,
                                  const Script& script) {
  return WriteBundle(path, contents, [&](const TensorSpec& spec, std::span<float> values) {
    std::fill(values.begin(), values.end(), spec.is_vector() ? 1.0F : 0.0F);
    for (uint32_t id = 0; id < contents.config.vocab; ++id) {
      const auto next = script.find(id);
      const uint32_t successor = next == script.end() ? 0 : next->second;
      if (spec.role == TensorRole::kEmbedding) values[id * spec.columns + id] = 1.0F;
      if (spec.role == TensorRole::kHead) values[successor * spec.columns + id] = 1.0F;
    }
    return Status::Ok();
  });
}

inline Result<std::unique_ptr<Session>> OpenRecitingSession(const BundleContents& contents,
                                                            const Script& script) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("reciting.elm");
  ELM_RETURN_IF_ERROR(WriteRecitingBundle(path, contents, script));
  ELM_ASSIGN_OR_RETURN(auto model, Model::Load(path));
  return Session::Create(model, {});
}

// The id of one of TinyPieces().
inline uint32_t TinyId(std::string_view text) {
  const auto pieces = TinyPieces();
  for (uint32_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].text == text) return id;
  }
  return 0;
}

}  // namespace elm::testing
