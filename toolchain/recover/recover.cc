#include "toolchain/recover/recover.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/recover/adapter_trainer.h"
#include "toolchain/recover/flat_tensors.h"
#include "toolchain/recover/frozen_llama.h"
#include "toolchain/recover/process_group.h"

namespace elm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  void Restart() { start_ = std::chrono::steady_clock::now(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The best of a level so far.
struct Best {
  torch::Tensor flat;
  double loss = std::numeric_limits<double>::infinity();
  uint64_t update = 0;
};

// The training of the levels that have no file yet.
class Training {
 public:
  Training(const RecoverInputs& inputs, const RecoverOptions& options, const RecoverHooks& hooks,
           std::vector<size_t> chosen, json recipe)
      : inputs_(inputs),
        options_(options),
        hooks_(hooks),
        chosen_(std::move(chosen)),
        recipe_(std::move(recipe)),
        model_(inputs.model, TypeOf(options)),
        teacher_(Teacher(inputs, options)),
        trainer_(model_, inputs.levels, chosen_, options, inputs.group,
                 {.teacher = teacher_ ? &*teacher_ : nullptr, .biases = inputs.biases}),
        validation_(ToMicroBatches(inputs.validation, options.batch_tokens)),
        best_(chosen_.size()),
        curves_(chosen_.size(), json::array()),
        before_(chosen_.size(), 0.0) {}

  void Run() {
    if (!fs::exists(StatePath()) || !Resume()) Validate(0.0);
    while (position_.tokens < options_.tokens) Advance();
    for (size_t i = 0; i < chosen_.size(); ++i) SaveLevel(i);
    if (first()) fs::remove(StatePath());
  }

 private:
  static torch::Dtype TypeOf(const RecoverOptions& options) {
    return options.dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32;
  }
  static std::optional<FrozenLlama> Teacher(const RecoverInputs& inputs,
                                            const RecoverOptions& options) {
    if (inputs.teacher == nullptr) return std::nullopt;
    return FrozenLlama(*inputs.teacher, TypeOf(options));
  }

  bool first() const { return inputs_.group == nullptr || inputs_.group->rank() == 0; }
  const Level& LevelOf(size_t i) const { return inputs_.levels.levels[chosen_[i]]; }

  // Training of other levels at the same time has a state of its own.
  std::string StatePath() const {
    std::string names;
    for (size_t i = 0; i < chosen_.size(); ++i) {
      names = StrCat(names, "_", LevelName(LevelOf(i).name_permille));
    }
    return StrCat(inputs_.folder, "/training", names, ".safetensors");
  }

  json Bases() const {
    json bases = json::array();
    for (size_t i = 0; i < chosen_.size(); ++i) {
      bases.push_back(LevelBase(inputs_.model_base, LevelOf(i)));
    }
    return bases;
  }

  void Advance() {
    const TrainingStream stream(inputs_.examples,
                                StreamOptionsOf(options_, inputs_.model.config()));
    Prefetcher steps(stream, position_);
    const uint64_t interval = std::max<uint64_t>(1, options_.tokens / options_.validations);
    while (position_.tokens < options_.tokens) {
      SaveIfCancelled();
      const TrainingStep step = steps.Next();
      const double done =
          static_cast<double>(step.before.tokens) / static_cast<double>(options_.tokens);
      const std::vector<double> losses = trainer_.Update(step, std::min(1.0, done));
      position_ = step.after;
      RefuseNotFinite(losses);
      Report(step, losses);
      const bool last = position_.tokens >= options_.tokens;
      if (last || step.before.tokens / interval != position_.tokens / interval) {
        Validate(Mean(losses));
      }
      if (saved_.Seconds() > options_.checkpoint_minutes * 60) Save();
    }
  }

  static double Mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }

  void Report(const TrainingStep& step, const std::vector<double>& losses) {
    loss_sum_ += Mean(losses);
    ++loss_count_;
    tokens_since_ += (step.after.tokens - step.before.tokens) * chosen_.size();
    const double seconds = reported_.Seconds();
    if (seconds < 0.5) return;
    hooks_.report({.tokens = position_.tokens,
                   .total_tokens = options_.tokens,
                   .loss = loss_sum_ / loss_count_,
                   .tokens_per_second = static_cast<double>(tokens_since_) / seconds});
    reported_.Restart();
    loss_sum_ = loss_count_ = 0;
    tokens_since_ = 0;
  }

  // Measures every level and keeps those adapters that are better than before.
  void Validate(double train_loss) {
    const std::vector<double> losses = trainer_.Measure(validation_);
    for (size_t i = 0; i < losses.size(); ++i) {
      if (position_.step == 0) before_[i] = losses[i];
      json row = {
          {"update", position_.step}, {"tokens", position_.tokens}, {"validation_loss", losses[i]}};
      if (position_.step > 0) row["train_loss"] = train_loss;
      curves_[i].push_back(std::move(row));
      if (!(losses[i] < best_[i].loss)) continue;
      best_[i] = {trainer_.levels()[i].flat.clone(), losses[i], position_.step};
    }
  }

  void RefuseNotFinite(const std::vector<double>& losses) {
    for (size_t i = 0; i < losses.size(); ++i) {
      if (std::isfinite(losses[i])) continue;
      for (size_t level = 0; level < chosen_.size(); ++level) {
        if (best_[level].update > 0) SaveLevel(level);
      }
      const std::string kept =
          best_[i].update > 0
              ? StrCat("its adapter of update ", best_[i].update, " is kept in ", inputs_.folder)
              : "no adapter of it had been better than none";
      if (first()) fs::remove(StatePath());
      throw Error(FailedCheck("level ", LevelName(LevelOf(i).name_permille), ", update ",
                              position_.step, ": the loss is no longer finite; ", kept,
                              "; train again with a lower --recover-rate"));
    }
  }

  AdapterRecord RecordOf(size_t i) const {
    return {.origin = {LevelBase(inputs_.model_base, LevelOf(i)), recipe_},
            .updates = position_.step,
            .tokens = position_.tokens,
            .loss_before = before_[i],
            .loss_after = best_[i].loss,
            .best_update = best_[i].update,
            .seconds = seconds_ + sitting_.Seconds(),
            .curve = curves_[i]};
  }

  void SaveLevel(size_t i) {
    if (!first()) return;
    SaveAdapter(inputs_.folder, LevelOf(i), trainer_.levels()[i].parameters, best_[i].flat,
                RecordOf(i));
  }

  void SaveIfCancelled() {
    bool cancelled = false;
    std::exception_ptr reason;
    try {
      hooks_.throw_if_cancelled();
    } catch (...) {
      cancelled = true;
      reason = std::current_exception();
    }
    if (inputs_.group != nullptr) cancelled = inputs_.group->Any(cancelled);
    if (!cancelled) return;
    Save();
    if (reason) std::rethrow_exception(reason);
    throw Error(
        Status(StatusCode::kCancelled, "another process was interrupted; the state is kept"));
  }

  void Save() {
    saved_.Restart();
    if (!first()) return;
    FlatTensors state{{{"bases", Bases()},
                       {"recipe", recipe_},
                       {"step", position_.step},
                       {"next_example", position_.next_example},
                       {"tokens", position_.tokens},
                       {"seconds", seconds_ + sitting_.Seconds()},
                       {"before", before_},
                       {"curves", curves_}},
                      {}};
    for (size_t i = 0; i < chosen_.size(); ++i) {
      const LevelTraining& level = trainer_.levels()[i];
      const std::string name = LevelName(LevelOf(i).name_permille);
      state.vectors[name + ".adapter"] = level.flat;
      state.vectors[name + ".first_moment"] = level.first_moment;
      state.vectors[name + ".second_moment"] = level.second_moment;
      state.vectors[name + ".best"] = best_[i].flat;
      state.about["best"].push_back({best_[i].loss, best_[i].update});
    }
    SaveFlatTensors(StatePath(), state);
  }

  // False when the state on the disk belongs to other options: then it is of no use.
  bool Resume() {
    const std::string path = StatePath();
    const FlatTensors state = LoadFlatTensors(path);
    try {
      if (state.about.at("bases") != Bases() || state.about.at("recipe") != recipe_) {
        hooks_.say(StrCat(path, ": is of other options; beginning anew"));
        return false;
      }
      position_ = {state.about.at("step"), state.about.at("next_example"),
                   state.about.at("tokens")};
      seconds_ = state.about.at("seconds");
      before_ = state.about.at("before").get<std::vector<double>>();
      curves_ = state.about.at("curves").get<std::vector<json>>();
      for (size_t i = 0; i < chosen_.size(); ++i) {
        best_[i].loss = state.about.at("best").at(i).at(0);
        best_[i].update = state.about.at("best").at(i).at(1);
        LoadLevel(state, path, i);
      }
    } catch (const json::exception&) {
      throw Error(Corruption(path, ": its header lacks the state of the training; delete it"));
    }
    trainer_.set_updates(static_cast<int64_t>(position_.step));
    hooks_.say(StrCat("going on from update ", position_.step, ", ", position_.tokens, " of ",
                      options_.tokens, " tokens"));
    return true;
  }

  void LoadLevel(const FlatTensors& state, const std::string& path, size_t i) {
    LevelTraining& level = trainer_.levels()[i];
    const std::string name = LevelName(LevelOf(i).name_permille);
    const auto read = [&](const char* what) {
      return FindVector(state, path, name + what, level.parameters.count())
          .to(model_.device())
          .clone();
    };
    level.flat = read(".adapter");
    level.first_moment = read(".first_moment");
    level.second_moment = read(".second_moment");
    best_[i].flat = read(".best");
  }

  const RecoverInputs& inputs_;
  const RecoverOptions& options_;
  const RecoverHooks& hooks_;
  const std::vector<size_t> chosen_;
  const json recipe_;
  FrozenLlama model_;
  std::optional<FrozenLlama> teacher_;  // where it is not model_
  AdapterTrainer trainer_;
  const std::vector<MicroBatch> validation_;
  std::vector<Best> best_;  // [levels], like the next two
  std::vector<json> curves_;
  std::vector<double> before_;  // the objective without adapter
  StreamPosition position_;
  double seconds_ = 0;  // of earlier sittings
  Stopwatch sitting_;
  Stopwatch saved_;
  Stopwatch reported_;
  double loss_sum_ = 0;
  double loss_count_ = 0;
  uint64_t tokens_since_ = 0;
};

// Whether the level's file is there and is what this run would make: not what was kept of one that
// stopped at a loss that was no number.
bool IsDone(const std::string& folder, const Level& level, const AdapterOrigin& origin,
            uint64_t tokens) {
  if (!fs::exists(AdapterPath(folder, level))) return false;
  const AdapterRecord record = ReadAdapterRecord(folder, level);
  return record.origin == origin && record.tokens >= tokens;
}

}  // namespace

std::vector<AdapterRecord> Recover(const RecoverInputs& inputs, RecoverOptions given,
                                   const RecoverHooks& hooks) {
  const RecoverOptions options = Resolve(std::move(given), inputs.model.config());
  TORCH_CHECK(!inputs.validation.empty(), "recovery picks adapters on validation examples");
  std::error_code error;
  fs::create_directories(inputs.folder, error);
  if (error) {
    throw Error(IoError(error.value(), StrCat(inputs.folder, ": cannot make the folder")));
  }
  json recipe = Recipe(options);
  recipe["data"] = inputs.data_hash;
  std::vector<size_t> missing;
  for (const size_t index : inputs.chosen) {
    const Level& level = inputs.levels.levels.at(index);
    const AdapterOrigin origin{LevelBase(inputs.model_base, level), recipe};
    if (!IsDone(inputs.folder, level, origin, options.tokens)) missing.push_back(index);
  }
  if (!missing.empty()) Training(inputs, options, hooks, missing, recipe).Run();
  std::vector<AdapterRecord> records;
  if (inputs.group != nullptr) inputs.group->Any(false);  // the first process has written the files
  for (const size_t index : inputs.chosen) {
    records.push_back(ReadAdapterRecord(inputs.folder, inputs.levels.levels[index]));
  }
  return records;
}

}  // namespace elm
