#include "toolchain/pretrain/pretrain.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "datasets/pocket/world.h"
#include "formats/base/atomic_file.h"
#include "formats/base/hash.h"
#include "formats/base/mapped_file.h"
#include "formats/checkpoint/checkpoint.h"
#include "formats/checkpoint/huggingface_writer.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/model/device.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pretrain/copy_examples.h"
#include "toolchain/pretrain/trainer.h"
#include "toolchain/pretrain/training_checkpoint.h"
#include "toolchain/pretrain/vocabulary.h"
#include "toolchain/training/pocket_examples.h"

namespace elm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMostTokenizerBytes = uint64_t{1} << 28;
constexpr int kReportSchema = 1;

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  void Restart() { start_ = std::chrono::steady_clock::now(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::string HashText(std::string_view bytes) {
  return StrCat(Hash64(std::as_bytes(std::span(bytes))));
}

void MakeDirectory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw Error(IoError(error.value(), StrCat(path, ": cannot make the directory")));
}

// Tells the caller once a second how it goes.
class ProgressMeter {
 public:
  ProgressMeter(const PretrainHooks& hooks, uint64_t total_tokens)
      : hooks_(hooks), total_tokens_(total_tokens) {}

  void Add(const TrainingStep& step, const LossSums& sums) {
    sums_.Add(sums);
    tokens_ += step.after.tokens - step.before.tokens;
    const double seconds = watch_.Seconds();
    if (seconds < 1) return;
    hooks_.report({.tokens = step.after.tokens,
                   .total_tokens = total_tokens_,
                   .answer_loss = sums_.answer_mean(),
                   .tokens_per_second = static_cast<double>(tokens_) / seconds});
    watch_.Restart();
    sums_ = {};
    tokens_ = 0;
  }

 private:
  const PretrainHooks& hooks_;
  const uint64_t total_tokens_;
  Stopwatch watch_;  // since the last report
  LossSums sums_;
  uint64_t tokens_ = 0;
};

// What decides the result besides the options: files that the run reads.
struct Inputs {
  std::string tokenizer_model;
  std::unique_ptr<Checkpoint> init;  // or none
};

// "tokens is 1000, was 2000" for every key that differs.
std::string Differences(const json& now, const json& before) {
  std::string text;
  for (const auto& [key, value] : now.items()) {
    const json old = before.contains(key) ? before[key] : json();
    if (old == value) continue;
    if (!text.empty()) text += ", ";
    text += StrCat(key, " is ", value.dump(), ", was ", old.dump());
  }
  return text;
}

// Everything about one run.
class Run {
 public:
  Run(PretrainOptions options, const PretrainHooks& hooks)
      : options_(std::move(options)), hooks_(hooks) {}

  PretrainReport Finish();

 private:
  bool HasCheckpoint() const { return fs::exists(CheckpointPath(options_.output)); }
  std::string OutputPath(const char* name) const { return options_.output + "/" + name; }
  void ReadInputs();
  std::string ReadTokenizer();
  json FullRecipe() const;
  void StartOrResume();
  void MakeValidation();
  void Train();
  void AfterUpdate(const TrainingStep& step, const LossSums& sums);
  void Measure(json& row);
  void SaveIfCancelled();
  void Save();
  void Export();
  PretrainReport Report() const;

  PretrainOptions options_;
  const PretrainHooks& hooks_;
  Inputs inputs_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  std::optional<Trainer> trainer_;
  std::vector<std::vector<MicroBatch>> validation_;  // per family
  TrainingState state_;
  LossSums window_;  // since the last row of the curve
  bool resumed_ = false;
  Stopwatch sitting_;     // since `state_.seconds` was brought up to date
  Stopwatch checkpoint_;  // since the last one
};

std::string Run::ReadTokenizer() {
  if (!options_.tokenizer.empty()) {
    return ValueOrThrow(ReadFile(options_.tokenizer, kMostTokenizerBytes));
  }
  const std::string own = OutputPath("tokenizer.model");
  if (HasCheckpoint()) return ValueOrThrow(ReadFile(own, kMostTokenizerBytes));
  if (inputs_.init != nullptr && !inputs_.init->tokenizer_path().empty()) {
    return ValueOrThrow(ReadFile(inputs_.init->tokenizer_path(), kMostTokenizerBytes));
  }
  hooks_.say(StrCat("training a vocabulary of ", options_.model.vocab, " pieces"));
  return TrainVocabulary({.size = options_.model.vocab, .seed = options_.seed});
}

void Run::ReadInputs() {
  if (!options_.init.empty()) inputs_.init = ValueOrThrow(OpenCheckpoint(options_.init));
  inputs_.tokenizer_model = ReadTokenizer();
  auto tokenizer = Tokenizer::Load(inputs_.tokenizer_model);
  ThrowIfError(tokenizer.status().In(options_.tokenizer.empty() ? OutputPath("tokenizer.model")
                                                                : options_.tokenizer));
  tokenizer_ = std::move(tokenizer).value();
  options_.model.vocab = tokenizer_->size();
  if (inputs_.init == nullptr) return;
  ModelConfig shape = inputs_.init->config();
  shape.rope_theta = options_.model.rope_theta;
  shape.rms_epsilon = options_.model.rms_epsilon;
  if (shape == options_.model) return;
  throw Error(InvalidArgument(
      options_.init, ": has ", shape.layers, " layers, width ", shape.width, ", ",
      shape.query_heads, "/", shape.kv_heads, " heads of ", shape.head_dim, ", ", shape.neurons,
      " neurons, vocabulary ", shape.vocab, ", context ", shape.context, ", tied head ",
      shape.tied_head, "; --init needs the shape that the options ask for"));
}

json Run::FullRecipe() const {
  json recipe = Recipe(options_);
  recipe["tokenizer"] = HashText(inputs_.tokenizer_model);
  recipe["init"] = "";
  if (inputs_.init == nullptr) return recipe;
  std::string hashes;
  for (const std::string& file : inputs_.init->files()) {
    const auto mapped = ValueOrThrow(MappedFile::Open(file, MappedFile::Access::kSequential));
    hashes += StrCat(Hash64(mapped.bytes()), " ");
  }
  recipe["init"] = HashText(hashes);
  return recipe;
}

void Run::StartOrResume() {
  state_.recipe = FullRecipe();
  if (!HasCheckpoint()) {
    if (inputs_.init != nullptr) trainer_->model().LoadWeights(*inputs_.init);
    return;
  }
  TrainingState before = ReadTrainingState(options_.output);
  const std::string differences = Differences(state_.recipe, before.recipe);
  if (!differences.empty()) {
    throw Error(InvalidArgument(options_.output, ": holds a run with other options: ", differences,
                                "; give the same ones, another directory, or --restart"));
  }
  LoadTraining(options_.output, trainer_->model(), trainer_->optimizer());
  state_ = std::move(before);
  window_ = {state_.window[0], state_.window[1], state_.window[2], state_.window[3]};
  resumed_ = true;
  hooks_.say(StrCat("going on from update ", state_.position.step, ", ", state_.position.tokens,
                    " of ", options_.tokens, " tokens"));
}

// The same groups every time: validation split, all words in place.
void Run::MakeValidation() {
  const PocketExamples examples(*tokenizer_, {.seed = options_.seed,
                                              .split = pocket::Split::kValidation,
                                              .questions = options_.questions});
  for (uint32_t family = 0; family < pocket::Families().size(); ++family) {
    std::vector<MicroBatch> batches(1);
    for (uint32_t index = 0; index < options_.validation_groups; ++index) {
      const TrainingExample example = examples.MakeGroup(family, index);
      if (example.rows() > int64_t{options_.model.context}) continue;
      if (batches.back().tokens + example.rows() > int64_t{options_.batch_tokens} &&
          batches.back().tokens > 0) {
        batches.emplace_back();
      }
      batches.back().Add(example);
    }
    for (MicroBatch& batch : batches) batch.Pad();
    std::erase_if(batches, [](const MicroBatch& batch) { return batch.tokens == 0; });
    validation_.push_back(std::move(batches));
  }
}

void Run::Measure(json& row) {
  double sum = 0;
  for (size_t family = 0; family < validation_.size(); ++family) {
    const double loss = trainer_->Measure(validation_[family]).answer_mean();
    row["validation"][std::string(pocket::Families()[family].name)] = loss;
    sum += loss;
  }
  row["validation_mean"] = sum / static_cast<double>(validation_.size());
}

void Run::AfterUpdate(const TrainingStep& step, const LossSums& sums) {
  state_.position = step.after;
  window_.Add(sums);
  const bool last = step.after.tokens >= options_.tokens;
  const bool measured = last || step.after.step % options_.validation_steps == 0;
  if (!measured && step.after.step % options_.log_steps != 0) return;
  json row = {{"step", step.after.step},
              {"tokens", step.after.tokens},
              {"learning_rate", LearningRate(options_, step.before.tokens)},
              {"train_answer_loss", window_.answer_mean()},
              {"train_other_loss", window_.other_mean()}};
  if (measured) Measure(row);
  state_.curve.push_back(std::move(row));
  window_ = {};
}

void Run::Export() {
  std::vector<torch::Tensor> weights = trainer_->model().ExportWeights();
  HuggingFaceModel model{.config = options_.model,
                         .bos = tokenizer_->bos_id(),
                         .eos = tokenizer_->eos_id(),
                         .tokenizer_model = inputs_.tokenizer_model,
                         .tensors = {}};
  for (const torch::Tensor& tensor : weights) {
    model.tensors.emplace_back(tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel()));
  }
  ThrowIfError(WriteHuggingFace(options_.output, model));
  json report = {{"schema", kReportSchema},
                 {"tool_version", options_.tool_version},
                 {"recipe", state_.recipe},
                 {"weights", trainer_->model().weight_count()},
                 {"steps", state_.position.step},
                 {"tokens", state_.position.tokens},
                 {"finished", state_.position.tokens >= options_.tokens},
                 {"seconds", state_.seconds}};
  WriteJsonFile(OutputPath("pretrain.json"), report);
  WriteJsonFile(OutputPath("curve.json"), {{"schema", kReportSchema}, {"rows", state_.curve}});
}

void Run::Save() {
  state_.seconds += sitting_.Seconds();
  sitting_.Restart();
  state_.window = {window_.answer_loss, window_.answer_tokens, window_.other_loss,
                   window_.other_tokens};
  try {
    SaveTraining(options_.output, state_, trainer_->model(), trainer_->optimizer());
    Export();
  } catch (const Error& error) {
    throw Error(Status(error.status().code(),
                       error.status().message() +
                           "; the checkpoint before it is kept, run the same command again"));
  }
  checkpoint_.Restart();
}

void Run::Train() {
  const CopyExamples copies(
      {.first_piece = 3, .size = options_.model.vocab, .bos = tokenizer_->bos_id()}, options_.seed);
  const PocketExamples examples(*tokenizer_, {.seed = options_.seed,
                                              .split = pocket::Split::kTrain,
                                              .questions = options_.questions,
                                              .small_share = options_.small_share,
                                              .word_drop_share = options_.word_drop_share,
                                              .corpus_share = options_.corpus_share});
  const TrainingStream stream(copies, examples,
                              {.copy_tokens = options_.copy_tokens,
                               .short_tokens = options_.short_tokens,
                               .short_rows = options_.short_length,
                               .batch_tokens = options_.batch_tokens,
                               .longest_rows = options_.model.context,
                               .parts = options_.accumulate});
  Prefetcher steps(stream, state_.position);
  ProgressMeter meter(hooks_, options_.tokens);
  while (state_.position.tokens < options_.tokens) {
    SaveIfCancelled();
    const TrainingStep step = steps.Next();
    const LossSums sums = trainer_->Update(step);
    AfterUpdate(step, sums);
    meter.Add(step, sums);
    if (checkpoint_.Seconds() > options_.checkpoint_minutes * 60) Save();
  }
}

void Run::SaveIfCancelled() {
  try {
    hooks_.throw_if_cancelled();
  } catch (const Error&) {
    Save();
    throw;
  }
}

PretrainReport Run::Report() const {
  PretrainReport report;
  report.output = options_.output;
  report.steps = state_.position.step;
  report.tokens = state_.position.tokens;
  report.seconds = state_.seconds;
  report.resumed = resumed_;
  if (!state_.curve.empty()) report.answer_loss = state_.curve.back().value("validation_mean", 0.0);
  return report;
}

PretrainReport Run::Finish() {
  MakeDirectory(options_.output);
  ThrowIfError(CheckDeviceName(options_.device));
  // The processor adds in one order anyway; a GPU only so.
  if (!OpenDevice(options_.device).is_cpu()) MakeTorchReproducible();
  if (options_.restart) fs::remove(CheckpointPath(options_.output));
  options_.dtype = ChooseDtype(options_.dtype, options_.device);
  ReadInputs();
  trainer_.emplace(options_);
  StartOrResume();
  MakeValidation();
  sitting_.Restart();
  checkpoint_.Restart();
  if (state_.position.tokens < options_.tokens) {
    Train();
    Save();
  }
  PretrainReport report = Report();
  report.weights = trainer_->model().weight_count();
  return report;
}

}  // namespace

PretrainReport Pretrain(PretrainOptions options, const PretrainHooks& hooks) {
  Validate(options);
  return Run(std::move(options), hooks).Finish();
}

}  // namespace elm
