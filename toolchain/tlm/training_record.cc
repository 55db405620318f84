#include "toolchain/tlm/training_record.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "formats/base/mapped_file.h"
#include "formats/checkpoint/safetensors.h"
#include "formats/checkpoint/safetensors_writer.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr const char* kStateKey = "training";

}  // namespace

TrainingRecord::TrainingRecord(std::string path, std::string key, std::vector<std::string> phases)
    : path_(std::move(path)), key_(std::move(key)), phases_(std::move(phases)) {
  const Result<MappedFile> file = MappedFile::Open(path_);
  if (!file.ok()) return;
  const auto metadata = ParseSafetensorsMetadata(file->bytes(), path_);
  if (!metadata.ok() || !metadata->contains(kStateKey)) return;
  const nlohmann::json state = nlohmann::json::parse(metadata->at(kStateKey), nullptr, false);
  if (!state.is_object() || state.value("key", "") != key_) return;
  phase_ = IndexOf(state.value("phase", ""));
  if (phase_ == phases_.size()) return;
  updates_ = state.value("updates", uint64_t{0});
}

size_t TrainingRecord::IndexOf(const std::string& phase) const {
  return static_cast<size_t>(std::find(phases_.begin(), phases_.end(), phase) - phases_.begin());
}

bool TrainingRecord::IsPast(const std::string& phase) const {
  return updates_ > 0 && phase_ > IndexOf(phase);
}

void TrainingRecord::Resume(const std::string& phase, TlmOptimizer& optimizer) const {
  if (IsPast(phase)) return optimizer.set_updates(optimizer.total_updates());
  if (updates_ == 0 || phase_ < IndexOf(phase)) return;
  const torch::NoGradGuard no_grad;
  const MappedFile file = ValueOrThrow(MappedFile::Open(path_));
  std::map<std::string, StoredTensor> stored;
  for (StoredTensor& tensor : ValueOrThrow(ParseSafetensors(file.bytes(), path_))) {
    const std::string name = tensor.name;
    stored.emplace(name, std::move(tensor));
  }
  for (auto& [name, tensor] : optimizer.State()) {
    const auto found = stored.find(name);
    const auto bytes = static_cast<size_t>(tensor.nbytes());
    if (found == stored.end() || found->second.bytes.size() != bytes) {
      throw Error(Corruption(path_, ": tensor ", name, " is missing or has another size; remove ",
                             "the file to train from the beginning"));
    }
    std::memcpy(tensor.data_ptr(), found->second.bytes.data(), bytes);
  }
  optimizer.set_updates(updates_);
}

void TrainingRecord::Keep(const std::string& phase, TlmOptimizer& optimizer) {
  const auto state = optimizer.State();
  std::vector<TensorToWrite> tensors;
  for (const auto& [name, tensor] : state) {
    tensors.push_back({.name = name,
                       .dtype = DType::kF32,
                       .shape = {tensor.sizes().begin(), tensor.sizes().end()},
                       .bytes = {static_cast<const std::byte*>(tensor.data_ptr()),
                                 static_cast<size_t>(tensor.nbytes())}});
  }
  const nlohmann::json header = {{"key", key_}, {"phase", phase}, {"updates", optimizer.updates()}};
  ThrowIfError(WriteSafetensors(path_, tensors, {{kStateKey, header.dump()}}));
  phase_ = IndexOf(phase);
  updates_ = optimizer.updates();
}

void TrainingRecord::Remove() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  updates_ = 0;
}

}  // namespace elm
