// A Hugging Face directory on disk that a test may damage.
#pragma once

#include <fstream>
#include <string>

#include "formats/base/testing/temporary_directory.h"
#include "formats/checkpoint/testing/tiny_model.h"

namespace elm::testing {

class TinyDirectory {
 public:
  explicit TinyDirectory(bool tied_head = false, DType dtype = DType::kF32)
      : config(TinyConfigJson(TinyConfig(tied_head))),
        tensors(TinySafetensors(TinyConfig(tied_head), dtype)) {}

  nlohmann::json config;
  std::vector<SafetensorsEntry> tensors;

  const std::string& path() const { return directory_.path(); }
  std::string Path(const std::string& name) const { return directory_.Path(name); }
  void Add(const std::string& name, const std::string& contents) const {
    std::ofstream(Path(name), std::ios::binary) << contents;
  }
  SafetensorsEntry& Find(const std::string& name) {
    for (SafetensorsEntry& entry : tensors) {
      if (entry.name == name) return entry;
    }
    return tensors.front();
  }

  // config.json and model.safetensors.
  void Write() const {
    Add("config.json", config.dump());
    Add("model.safetensors", SafetensorsBytes(tensors));
  }

  // config.json, an index and two files: the first `in_first` tensors and the rest.
  nlohmann::json WriteShards(size_t in_first) const {
    const std::string names[] = {"model-00001-of-00002.safetensors",
                                 "model-00002-of-00002.safetensors"};
    nlohmann::json index;
    std::vector<SafetensorsEntry> shards[2];
    for (size_t i = 0; i < tensors.size(); ++i) {
      const int shard = i < in_first ? 0 : 1;
      shards[shard].push_back(tensors[i]);
      index["weight_map"][tensors[i].name] = names[shard];
    }
    Add("config.json", config.dump());
    for (int shard : {0, 1}) Add(names[shard], SafetensorsBytes(shards[shard]));
    Add("model.safetensors.index.json", index.dump());
    return index;
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace elm::testing
