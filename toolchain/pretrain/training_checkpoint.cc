#include "toolchain/pretrain/training_checkpoint.h"

#include <cstring>
#include <map>

#include "formats/base/mapped_file.h"
#include "formats/checkpoint/safetensors.h"
#include "formats/checkpoint/safetensors_writer.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr int kSchema = 1;
constexpr const char* kStateKey = "training";

json ToJson(const TrainingState& state) {
  return {{"schema", kSchema},
          {"recipe", state.recipe},
          {"step", state.position.step},
          {"next_example", state.position.next_example},
          {"tokens", state.position.tokens},
          {"seconds", state.seconds},
          {"window", state.window},
          {"curve", state.curve}};
}

TrainingState FromJson(const std::string& path, const std::string& text) {
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    if (parsed.at("schema") != kSchema) {
      throw Error(Unsupported(path, ": schema is ", parsed.at("schema").dump(), ", expected ",
                              kSchema, "; start over with --restart"));
    }
    TrainingState state;
    state.recipe = parsed.at("recipe");
    state.position = {parsed.at("step"), parsed.at("next_example"), parsed.at("tokens")};
    state.seconds = parsed.at("seconds");
    state.window = parsed.at("window");
    state.curve = parsed.at("curve");
    return state;
  } catch (const json::exception&) {
    throw Error(Corruption(path, ": its header lacks the state of the training; start over with ",
                           "--restart"));
  }
}

// What a checkpoint holds of one parameter, under its name and a suffix.
std::vector<std::pair<std::string, torch::Tensor>> StoredTensors(const TrainableLlama& model,
                                                                 AdamW& optimizer) {
  std::vector<std::pair<std::string, torch::Tensor>> tensors;
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const Parameter& parameter = model.parameters()[i];
    tensors.emplace_back(parameter.name + ".weights", parameter.master.detach());
    tensors.emplace_back(parameter.name + ".first_moments", optimizer.first_moments()[i]);
    tensors.emplace_back(parameter.name + ".second_moments", optimizer.second_moments()[i]);
  }
  return tensors;
}

MappedFile Open(const std::string& path) {
  return ValueOrThrow(MappedFile::Open(path, MappedFile::Access::kSequential));
}

}  // namespace

std::string CheckpointPath(const std::string& directory) {
  return directory + "/checkpoint.safetensors";
}

void SaveTraining(const std::string& directory, const TrainingState& state,
                  const TrainableLlama& model, AdamW& optimizer) {
  std::vector<torch::Tensor> on_cpu;  // keeps the bytes alive
  std::vector<TensorToWrite> tensors;
  for (const auto& [name, tensor] : StoredTensors(model, optimizer)) {
    on_cpu.push_back(tensor.to(torch::kCPU).contiguous());
    const torch::Tensor& kept = on_cpu.back();
    tensors.push_back({.name = name,
                       .dtype = DType::kF32,
                       .shape = {kept.sizes().begin(), kept.sizes().end()},
                       .bytes = {static_cast<const std::byte*>(kept.data_ptr()), kept.nbytes()}});
  }
  ThrowIfError(
      WriteSafetensors(CheckpointPath(directory), tensors, {{kStateKey, ToJson(state).dump()}}));
}

TrainingState ReadTrainingState(const std::string& directory) {
  const std::string path = CheckpointPath(directory);
  const MappedFile file = Open(path);
  const auto metadata = ValueOrThrow(ParseSafetensorsMetadata(file.bytes(), path));
  const auto found = metadata.find(kStateKey);
  return FromJson(path, found == metadata.end() ? "" : found->second);
}

void LoadTraining(const std::string& directory, TrainableLlama& model, AdamW& optimizer) {
  torch::NoGradGuard no_grad;
  const std::string path = CheckpointPath(directory);
  const MappedFile file = Open(path);
  std::map<std::string, StoredTensor> stored;
  for (StoredTensor& tensor : ValueOrThrow(ParseSafetensors(file.bytes(), path))) {
    stored.emplace(tensor.name, tensor);
  }
  for (auto& [name, tensor] : StoredTensors(model, optimizer)) {
    torch::Tensor values = torch::empty(tensor.sizes(), torch::kFloat32);
    const auto found = stored.find(name);
    if (found == stored.end() || found->second.dtype != DType::kF32 ||
        found->second.bytes.size() != values.nbytes()) {
      throw Error(Corruption(path, ": tensor ", name, " is missing or has another size; the file ",
                             "is damaged, start over with --restart"));
    }
    std::memcpy(values.data_ptr(), found->second.bytes.data(), values.nbytes());
    tensor.copy_(values);
  }
  optimizer.set_steps(static_cast<int64_t>(ReadTrainingState(directory).position.step));
  model.RefreshCompute();
}

}  // namespace elm
