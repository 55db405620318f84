#include "formats/elm/dump.h"

#include <iomanip>
#include <ios>
#include <nlohmann/json.hpp>

#include "formats/elm/elastic_json.h"
#include "formats/elm/section_codec.h"
#include "formats/model/model_json.h"

namespace elm {
namespace {

using Json = nlohmann::ordered_json;

std::string HashText(uint64_t hash) {
  return StrCat("0x", std::hex, std::setw(16), std::setfill('0'), hash);
}

const char* LayoutName(layout::TensorLayout order) {
  switch (order) {
    case layout::TensorLayout::kVector:
      return "vector";
    case layout::TensorLayout::kOutputMajor:
      return "output-major";
    case layout::TensorLayout::kInputMajor:
      return "input-major";
  }
  return "";
}

Json DumpSection(const BundleSection& section) {
  return {{"kind", static_cast<uint32_t>(section.kind)},
          {"name", SectionName(section.kind)},
          {"required", (section.flags & layout::kRequired) != 0},
          {"bulk", (section.flags & layout::kBulk) != 0},
          {"offset", section.offset},
          {"size", section.size},
          {"hash", HashText(section.hash)}};
}

Json DumpLevel(const BundleView& view, const Level& level) {
  return {{"name", LevelName(level.name_permille)},
          {"true_share", TrueShare(view.config, level)},
          {"bytes", LevelBytes(view, level)},
          {"layers", LayersJson(level)}};
}

Json DumpStorage(const std::string& name, uint64_t rows, uint64_t columns,
                 const BundleStorage& tensor) {
  Json json = {{"name", name},
               {"dtype", WeightTypeName(tensor.type)},
               {"rows", rows},
               {"columns", columns},
               {"layout", LayoutName(tensor.layout.order)}};
  if (tensor.layout.order != layout::TensorLayout::kVector) {
    json["tile_rows"] = tensor.layout.tile_rows;
    json["tile_columns"] = tensor.layout.tile_columns;
    json["interleave"] = tensor.layout.interleave;
  }
  if (tensor.layout.order == layout::TensorLayout::kInputMajor) {
    json["panel_columns"] = tensor.layout.panel_columns;
  }
  json["offset"] = tensor.offset;
  json["size"] = tensor.size;
  json["hash"] = HashText(tensor.hash);
  return json;
}

Json DumpTensor(const BundleTensor& tensor) {
  return DumpStorage(tensor.spec.name, tensor.spec.rows, tensor.spec.columns, tensor);
}

Json DumpTlmTensor(const BundleTlmTensor& tensor) {
  return DumpStorage(TlmTensorName(tensor.spec), tensor.spec.rows, tensor.spec.columns, tensor);
}

Json DumpGeneration(const BundleView& view) {
  const GenerationConfig& generation = view.generation;
  Json json;
  json["bos_id"] = generation.bos_id == layout::kNoToken ? Json(nullptr) : Json(generation.bos_id);
  json["add_bos"] = generation.add_bos;
  json["stop_ids"] = generation.stop_ids;
  json["chat_template"] = generation.chat_template;
  json["tokenizer_bytes"] = view.tokenizer_model.size();
  return json;
}

Json DumpProvenance(std::string_view text) {
  if (text.empty()) return nullptr;
  Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_discarded() ? Json(text) : parsed;
}

template <typename T, typename Dump>
Json DumpList(const std::vector<T>& items, const Dump& dump) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(dump(item));
  return list;
}

}  // namespace

std::string DumpJson(const BundleView& view) {
  Json json;
  json["version"] = StrCat(view.major, ".", view.minor);
  json["sections"] = DumpList(view.sections, DumpSection);
  json["model"] = ModelJson(view.config);
  json["anchors"] = view.levels.anchors;
  json["kv_of"] = view.levels.kv_of;
  json["levels"] =
      DumpList(view.levels.levels, [&](const Level& level) { return DumpLevel(view, level); });
  json["generation"] = DumpGeneration(view);
  json["tensors"] = DumpList(view.tensors, DumpTensor);
  AddElasticJson(view, json);
  if (view.tlm) json["tiny_lm"]["tensors"] = DumpList(view.tlm->tensors, DumpTlmTensor);
  json["provenance"] = DumpProvenance(view.provenance_json);
  constexpr int kIndent = 2;
  return json.dump(kIndent);
}

}  // namespace elm
