#include "toolchain/recover/adapter_file.h"

#include <span>

#include "formats/base/hash.h"
#include "toolchain/base/error.h"
#include "toolchain/recover/flat_tensors.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr const char* kVector = "adapter";

AdapterRecord FromJson(const std::string& path, const json& about) {
  try {
    AdapterRecord record;
    record.origin = {about.at("base"), about.at("recipe")};
    record.updates = about.at("updates");
    record.tokens = about.at("tokens");
    record.loss_before = about.at("loss_before");
    record.loss_after = about.at("loss_after");
    record.best_update = about.at("best_update");
    record.seconds = about.at("seconds");
    record.curve = about.at("curve");
    return record;
  } catch (const json::exception&) {
    throw Error(Corruption(path, ": its header does not say how the adapter was trained; delete ",
                           "the file and train the level again"));
  }
}

}  // namespace

std::string LevelBase(const std::string& model_base, const Level& level) {
  std::string text = model_base;
  for (const LayerSlice& slice : level.layers) {
    text = StrCat(text, " ", slice.query_heads, ",", slice.kv_heads, ",", slice.neurons);
  }
  return StrCat(Hash64(std::as_bytes(std::span(text))));
}

std::string AdapterPath(const std::string& folder, const Level& level) {
  return StrCat(folder, "/level_", LevelName(level.name_permille), ".safetensors");
}

void SaveAdapter(const std::string& folder, const Level& level, const AdapterParameters& parameters,
                 const torch::Tensor& flat, const AdapterRecord& record) {
  SaveFlatTensors(AdapterPath(folder, level), {.about = {{"level", LevelName(level.name_permille)},
                                                         {"rank", parameters.rank()},
                                                         {"scale", parameters.scale()},
                                                         {"base", record.origin.base},
                                                         {"recipe", record.origin.recipe},
                                                         {"updates", record.updates},
                                                         {"tokens", record.tokens},
                                                         {"loss_before", record.loss_before},
                                                         {"loss_after", record.loss_after},
                                                         {"best_update", record.best_update},
                                                         {"seconds", record.seconds},
                                                         {"curve", record.curve}},
                                               .vectors = {{kVector, flat}}});
}

AdapterRecord ReadAdapterRecord(const std::string& folder, const Level& level) {
  const std::string path = AdapterPath(folder, level);
  return FromJson(path, ReadAbout(path));
}

torch::Tensor LoadAdapter(const std::string& folder, const Level& level,
                          const AdapterParameters& parameters, const std::string& base) {
  const std::string path = AdapterPath(folder, level);
  const FlatTensors tensors = LoadFlatTensors(path);
  const AdapterRecord record = FromJson(path, tensors.about);
  if (record.origin.base != base) {
    throw Error(InvalidArgument(path, ": was trained for another model or level table (hash ",
                                record.origin.base.substr(0, 12), ", this one is ",
                                base.substr(0, 12), "); train the level again"));
  }
  return FindVector(tensors, path, kVector, parameters.count());
}

}  // namespace elm
