#include "toolchain/tlm/tlm_job.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "datasets/prompt.h"
#include "formats/base/mapped_file.h"
#include "formats/model/latency_json.h"
#include "formats/workspace/stage_key.h"
#include "runtime/tlm/prompt_parts.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/eval/torch_engine.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/tlm/compression_pairs.h"
#include "toolchain/tlm/import_mobilebert.h"
#include "toolchain/tlm/saliency_file.h"
#include "toolchain/tlm/tlm_tasks.h"
#include "toolchain/tlm/wordpiece_vocabulary.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

constexpr size_t kTasksPerWrite = 192;  // of saliency, between two writes of the file
constexpr size_t kQuestionsPerWrite = 24;
constexpr size_t kVocabularyTexts = 6000;
constexpr uint32_t kWindowOverlap = 64;
constexpr uint32_t kShortPromptTokens = 32;
constexpr size_t kEngineBatch = 8;

// What the score-head is trained by, in this order.
constexpr const char* kMaskedTokens = "masked tokens";
constexpr const char* kShortEvidence = "answer evidence, short contexts";
constexpr const char* kEvidence = "answer evidence";
constexpr const char* kScores = "score-head";

std::vector<uint32_t> Steps(uint32_t first) {
  std::vector<uint32_t> values;
  for (uint32_t value = first; value <= 1000; value += 100) values.push_back(value);
  return values;
}

std::vector<uint32_t> ModelLevels(const LevelTable& levels) {
  std::vector<uint32_t> names;
  for (const Level& level : levels.levels) names.push_back(level.name_permille);
  return names;
}

// Settings that do not depend on how the tiny LM is trained.
TlmSettings CommonSettings(const LevelTable& levels) {
  TlmSettings settings;
  settings.ttft_permille = Steps(200);
  settings.tpot_permille = Steps(500);
  settings.prompt_levels_permille = Steps(100);
  settings.model_levels_permille = ModelLevels(levels);
  settings.window_overlap = kWindowOverlap;
  settings.short_prompt_tokens = kShortPromptTokens;
  return settings;
}

void FitLevels(TlmSettings& settings) {
  settings.config.prompt_levels = static_cast<uint32_t>(settings.prompt_levels_permille.size());
  settings.config.model_levels = static_cast<uint32_t>(settings.model_levels_permille.size());
}

WordPieceTokenizer LoadTokenizer(const TlmSettings& settings) {
  return ValueOrThrow(WordPieceTokenizer::Load(settings.vocabulary, settings.lower_case));
}

// A tiny LM of a checkpoint that somebody else trained.
StoredTlm FromMobileBert(const std::string& directory, const LevelTable& levels, uint64_t seed) {
  const MobileBertFiles files = ReadMobileBert(directory);
  if (files.vocabulary.empty()) {
    throw Error(NotFound(directory, "/vocab.txt: is missing; it belongs to the checkpoint"));
  }
  TlmSettings settings = CommonSettings(levels);
  settings.config = files.config;
  FitLevels(settings);
  settings.lower_case = files.lower_case;
  settings.vocabulary = files.vocabulary;
  if (settings.vocabulary.back() != '\n') settings.vocabulary += '\n';
  for (const uint32_t share : settings.ttft_permille)
    settings.vocabulary += TtftPiece(share) + "\n";
  for (const uint32_t share : settings.tpot_permille)
    settings.vocabulary += TpotPiece(share) + "\n";
  settings.config.vocab +=
      static_cast<uint32_t>(settings.ttft_permille.size() + settings.tpot_permille.size());
  TorchTlm model = ImportMobileBert(directory, settings.config, seed);
  return {std::move(settings), std::move(model), {{"body", "Hugging Face MobileBERT"}}};
}

// Makes a tiny LM's heads those of a bundle with other levels.
void UseLevels(StoredTlm& tlm, const LevelTable& levels) {
  if (tlm.settings.model_levels_permille == ModelLevels(levels)) return;
  tlm.settings.model_levels_permille = ModelLevels(levels);
  FitLevels(tlm.settings);
  TorchTlm model(tlm.settings.config, /*seed=*/1);
  model.CopyWhatFits(tlm.model);
  tlm.model = std::move(model);
}

std::string Summary(const DecisionTraining& training) {
  return StrCat("decision-head: validation loss ", training.grid_loss, " (grid), ",
                training.classifier_loss, " (classifiers) after update ", training.best_update);
}

nlohmann::json GridJson(const AccuracyGrid& grid) {
  return {{"prompt_levels", grid.prompt_levels_permille},
          {"model_levels", grid.model_levels_permille},
          {"items", grid.items},
          {"accuracy", grid.accuracy},
          {"standard_error", grid.standard_error}};
}

nlohmann::json EstimateJson(const Estimate& estimate) {
  return {{"value", estimate.value}, {"standard_error", estimate.standard_error}};
}

}  // namespace

AccuracyGrid ReadAccuracyGrid(const std::string& path) {
  const nlohmann::json json = ReadJsonFile(path);
  AccuracyGrid grid;
  grid.prompt_levels_permille = json.at("prompt_levels").get<std::vector<uint32_t>>();
  grid.model_levels_permille = json.at("model_levels").get<std::vector<uint32_t>>();
  grid.items = json.at("items");
  grid.accuracy = json.at("accuracy").get<std::vector<double>>();
  grid.standard_error = json.at("standard_error").get<std::vector<double>>();
  return grid;
}

LatencyTable ReadLatencyTable(const std::string& path) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 24;
  return ValueOrThrow(ParseLatencyJson(ValueOrThrow(ReadFile(path, kMostBytes)), path));
}

TlmJob::TlmJob(const TlmSubject& subject, const TlmOptions& options, std::string folder,
               TlmHooks hooks)
    : subject_(subject), options_(options), folder_(std::move(folder)), hooks_(std::move(hooks)) {
  ThrowIfError(Validate(options_));
  fs::create_directories(folder_);
}

void TlmJob::Report(const char* what, uint64_t done, uint64_t total,
                    const std::string& note) const {
  if (hooks_.throw_if_cancelled) hooks_.throw_if_cancelled();
  if (hooks_.report) hooks_.report(what, done, total, note);
}

void TlmJob::Say(const std::string& text) const {
  if (hooks_.say) hooks_.say(text);
}

TrainingProgress TlmJob::ProgressOf(const char* what) const {
  return [this, what](uint64_t update, uint64_t updates, double loss) {
    Report(what, update, updates, StrCat("loss ", loss));
  };
}

TrainingHooks TlmJob::HooksOf(const char* phase, TrainingRecord& record) const {
  return {.progress = ProgressOf(phase),
          .resume = [phase, &record](TlmOptimizer& optimizer) { record.Resume(phase, optimizer); },
          .keep = [phase, &record](TlmOptimizer& optimizer) { record.Keep(phase, optimizer); }};
}

StoredTlm TlmJob::Start(TrainingRecord& record) {
  if (!options_.from_nothing()) {
    if (IsTlmDirectory(options_.start)) return LoadTlm(options_.start);
    return FromMobileBert(options_.start, subject_.levels, options_.seed);
  }
  const ScoreSource tasks(options_);
  TlmSettings settings = CommonSettings(subject_.levels);
  settings.config = options_.shape;
  FitLevels(settings);
  size_t next = 0;
  settings.vocabulary = BuildWordPieceVocabulary(
      [&](std::string& text) {
        if (next == std::min(kVocabularyTexts, tasks.count())) return false;
        const Task task = tasks.At(next++);
        text = PromptText(task);
        return true;
      },
      {.size = options_.shape.vocab,
       .ttft_permille = settings.ttft_permille,
       .tpot_permille = settings.tpot_permille});
  settings.config.vocab = static_cast<uint32_t>(
      std::count(settings.vocabulary.begin(), settings.vocabulary.end(), '\n'));
  TorchTlm model(settings.config, options_.seed);
  InitialiseSloTokens(
      model, static_cast<uint32_t>(settings.ttft_permille.size() + settings.tpot_permille.size()),
      options_.seed);
  const WordPieceTokenizer tokenizer = LoadTokenizer(settings);
  MaskedTokenOptions masked = options_.masked;
  masked.seed = options_.seed;
  if (masked.training.updates > 0) {
    PretrainMaskedTokens(
        model, settings, tokenizer, [&](uint64_t index) { return tasks.At(index); }, masked,
        HooksOf(kMaskedTokens, record));
  }
  return {std::move(settings), std::move(model), {{"body", "trained from nothing"}}};
}

std::vector<std::vector<float>> TlmJob::Saliency(std::span<const Task> tasks) {
  const std::string path = folder_ + "/saliency.h5";
  StageKey key;
  key.Add("model", subject_.key).Add("recipe", ScoreRecipe(options_).dump());
  SaliencyRecord record{key.Hex(), {}, {}};
  if (fs::exists(path)) {
    SaliencyRecord stored = ValueOrThrow(LoadSaliency(path));
    if (stored.key == record.key) record = std::move(stored);
  }
  while (record.items.size() < tasks.size()) {
    const size_t begin = record.items.size();
    const auto some = tasks.subspan(begin, std::min(kTasksPerWrite, tasks.size() - begin));
    // A GPU computes one batch at a time; more would only need more of its memory.
    const size_t workers = subject_.model.device().is_cpu() ? ThreadsOrAll(options_.threads) : 1;
    WorkerPool pool(workers, [] { SetTorchThreads(1); });
    const size_t step = options_.saliency.batch;
    std::vector<std::vector<std::vector<float>>> parts((some.size() + step - 1) / step);
    pool.ForEach(
        parts.size(),
        [&](size_t part, size_t) {
          const size_t first = part * step;
          parts[part] = WordSaliency(subject_.model, subject_.reading,
                                     some.subspan(first, std::min(step, some.size() - first)),
                                     options_.saliency);
        },
        [&](size_t done) {
          Report("saliency", std::min(tasks.size(), begin + done * step), tasks.size(), "");
        });
    for (auto& part : parts) {
      for (auto& words : part) record.saliency.push_back(std::move(words));
    }
    for (const Task& task : some) record.items.push_back(HashTask(task));
    ThrowIfError(SaveSaliency(path, record));
  }
  record.saliency.resize(tasks.size());
  return record.saliency;
}

std::vector<ScoreExample> TlmJob::EvidenceExamples(const StoredTlm& tlm) {
  const ScoreSource source(options_);
  const WordPieceTokenizer tokenizer = LoadTokenizer(tlm.settings);
  const uint64_t count = uint64_t{options_.evidence_tasks} * source.families();
  std::vector<ScoreExample> examples;
  for (uint64_t i = 0; i < count && source.Has(i); ++i) {
    const Task task = source.At(i);
    const std::vector<float> targets = EvidenceTargets(task);
    if (targets.empty()) continue;
    for (ScoreExample& example : MakeScoreExamples(tlm.settings, tokenizer, task.question,
                                                   JoinContext(TaskParts(task)), targets)) {
      examples.push_back(std::move(example));
    }
  }
  return examples;
}

std::vector<ScoreExample> TlmJob::DistilledExamples(const StoredTlm& tlm) {
  const ScoreSource source(options_);
  std::vector<Task> tasks;
  for (uint64_t i = 0; i < source.count(); ++i) tasks.push_back(source.At(i));
  const std::vector<std::vector<float>> saliency = Saliency(tasks);
  const WordPieceTokenizer tokenizer = LoadTokenizer(tlm.settings);
  std::vector<ScoreExample> examples;
  for (size_t i = 0; i < tasks.size(); ++i) {
    for (ScoreExample& example :
         MakeScoreExamples(tlm.settings, tokenizer, tasks[i].question,
                           JoinContext(TaskParts(tasks[i])), RetainTargets(saliency[i]))) {
      examples.push_back(std::move(example));
    }
  }
  return examples;
}

std::vector<ScoreExample> TlmJob::PairExamples(const StoredTlm& tlm) {
  const WordPieceTokenizer tokenizer = LoadTokenizer(tlm.settings);
  std::vector<ScoreExample> examples;
  for (const CompressionPair& pair : ValueOrThrow(ReadCompressionPairs(options_.pairs))) {
    for (ScoreExample& example :
         MakeScoreExamples(tlm.settings, tokenizer, pair.question, pair.text, pair.keep)) {
      examples.push_back(std::move(example));
    }
  }
  return examples;
}

void TlmJob::TrainEvidence(StoredTlm& tlm, TrainingRecord& record) {
  if (record.IsPast(kEvidence)) return;
  std::vector<ScoreExample> examples = EvidenceExamples(tlm);
  if (examples.empty()) return;
  ScoreTrainingOptions training = options_.evidence;
  training.seed = options_.seed;
  // Short contexts first: what has to be compared is found more easily among little.
  std::stable_sort(examples.begin(), examples.end(),
                   [](const ScoreExample& a, const ScoreExample& b) {
                     return a.window.ids.size() < b.window.ids.size();
                   });
  const std::span<const ScoreExample> all(examples);
  const uint64_t updates = training.training.updates;
  training.training.updates = updates * 3 / 10;
  if (training.training.updates > 0) {
    TrainScoreHead(tlm.model, all.first((all.size() * 4 + 9) / 10), training,
                   HooksOf(kShortEvidence, record));
  }
  training.training.updates = updates - training.training.updates;
  TrainScoreHead(tlm.model, all, training, HooksOf(kEvidence, record));
}

StoredTlm TlmJob::Score() {
  const std::string pairs_key =
      options_.pairs.empty() ? "" : ValueOrThrow(Sha256OfFile(options_.pairs));
  const std::string key =
      StageKey()
          .Add("model", subject_.key)
          .Add("start", options_.from_nothing() ? "" : HashTlmFolder(options_.start))
          .Add("pairs", pairs_key)
          .Add("recipe", ScoreRecipe(options_).dump())
          .Hex();
  if (IsTlmDirectory(ScoreFolder())) {
    StoredTlm stored = LoadTlm(ScoreFolder());
    if (stored.provenance.value("key", std::string()) == key) {
      Say("score: is done");
      return stored;
    }
  }
  TrainingRecord record(folder_ + "/training.safetensors", key,
                        {kMaskedTokens, kShortEvidence, kEvidence, kScores});
  StoredTlm tlm = Start(record);
  UseLevels(tlm, subject_.levels);
  if (!options_.keep_scores) {
    if (options_.from_nothing() && options_.evidence.training.updates > 0) {
      TrainEvidence(tlm, record);
    }
    const std::vector<ScoreExample> examples =
        options_.pairs.empty() ? DistilledExamples(tlm) : PairExamples(tlm);
    ScoreTrainingOptions training = options_.score;
    training.seed = options_.seed;
    TrainScoreHead(tlm.model, examples, training, HooksOf(kScores, record));
    tlm.provenance["scores"] = options_.pairs.empty() ? "distilled from the LLM's word saliency"
                                                      : "labelled compression pairs";
    tlm.provenance["recipe"] = ScoreRecipe(options_);
  }
  tlm.provenance["key"] = key;
  SaveTlm(ScoreFolder(), tlm.settings, tlm.model, tlm.provenance, DType::kF32);
  record.Remove();
  return tlm;
}

ScoreWordsOf TlmJob::Scorer(const StoredTlm& tlm) {
  return [&tlm](std::span<const Task> tasks) {
    const WordPieceTokenizer tokenizer = LoadTokenizer(tlm.settings);
    WordScoring scoring;
    scoring.words = ScoreWords(tlm.model, tlm.settings, tokenizer, tasks);
    for (const Task& task : tasks) {
      const std::string context = JoinContext(TaskParts(task));
      size_t tokens = 0;
      for (const TlmWindow& window :
           MakeTlmInput(tlm.settings, tokenizer, {.question = task.question, .context = context})
               .windows) {
        tokens += window.ids.size();
      }
      scoring.tokens.push_back(static_cast<uint32_t>(tokens));
    }
    return scoring;
  };
}

std::string TlmJob::LabelPath(const std::string& split) const {
  return StrCat(folder_, "/labels-", split, ".h5");
}

std::string TlmJob::CubeKey(const StoredTlm& scorer, const std::string& split) const {
  return StageKey()
      .Add("model", subject_.key)
      .Add("scorer", TlmKey(scorer.settings, scorer.model))
      .Add("recipe", LabelRecipe(options_).dump())
      .Add("split", split)
      .Hex();
}

LabelCube TlmJob::EmptyCube(const StoredTlm& scorer, const std::string& key) const {
  LabelCube cube;
  cube.key = key;
  cube.prompt_levels_permille = scorer.settings.prompt_levels_permille;
  cube.model_levels_permille = scorer.settings.model_levels_permille;
  return cube;
}

namespace {

Labeller MakeLabeller(const TlmSubject& subject, ScoringEngine& engine, const StoredTlm& scorer) {
  Labeller labeller{
      engine, {}, subject.reading, scorer.settings.prompt, subject.rules, TlmJob::Scorer(scorer)};
  for (size_t level = 0; level < subject.levels.levels.size(); ++level) {
    labeller.levels.push_back(level);
  }
  return labeller;
}

}  // namespace

LabelCube TlmJob::MakeCube(const StoredTlm& scorer, std::span<const Task> tasks) {
  LabelCube cube = EmptyCube(scorer, "");
  TorchEngine engine(subject_.model, subject_.levels, kEngineBatch, ThreadsOrAll(options_.threads),
                     subject_.adapters);
  Labeller labeller = MakeLabeller(subject_, engine, scorer);
  for (size_t begin = 0; begin < tasks.size(); begin += kQuestionsPerWrite) {
    const auto some = tasks.subspan(begin, std::min(kQuestionsPerWrite, tasks.size() - begin));
    LabelTasks(labeller, some, cube);
    Report("label", begin + some.size(), tasks.size(), "");
  }
  return cube;
}

std::optional<LabelCube> TlmJob::Label(const StoredTlm& scorer, const std::string& split,
                                       uint32_t shard, uint32_t shards) {
  if (shards == 0 || shard >= shards) {
    throw Error(InvalidArgument("--shard ", shard, "/", shards, ": expected 0/N to N-1/N"));
  }
  const std::string key = CubeKey(scorer, split);
  const auto load = [&](const std::string& path) -> std::optional<LabelCube> {
    if (!fs::exists(path)) return std::nullopt;
    LabelCube cube = ValueOrThrow(LoadLabelCube(path));
    if (cube.key != key) return std::nullopt;
    return cube;
  };
  const std::vector<Task> all =
      TlmTasks(options_.tasks, split,
               split == "train" ? options_.label_tasks : options_.validation_tasks, options_.seed);
  const std::string whole = LabelPath(split);
  if (std::optional<LabelCube> done = load(whole); done && done->items.size() == all.size()) {
    Say(StrCat("label ", split, ": is done"));
    return done;
  }
  const auto shard_path = [&](uint32_t i) {
    return shards == 1 ? whole : StrCat(folder_, "/labels-", split, "-", i, "-of-", shards, ".h5");
  };
  std::vector<Task> tasks;
  for (size_t i = shard; i < all.size(); i += shards) tasks.push_back(all[i]);
  LabelCube cube = load(shard_path(shard)).value_or(EmptyCube(scorer, key));
  TorchEngine engine(subject_.model, subject_.levels, kEngineBatch, ThreadsOrAll(options_.threads),
                     subject_.adapters);
  Labeller labeller = MakeLabeller(subject_, engine, scorer);
  while (cube.items.size() < tasks.size()) {
    const size_t begin = cube.items.size();
    LabelTasks(labeller,
               std::span<const Task>(tasks).subspan(
                   begin, std::min(kQuestionsPerWrite, tasks.size() - begin)),
               cube);
    ThrowIfError(SaveLabelCube(shard_path(shard), cube));
    Report("label", cube.items.size(), tasks.size(), split);
  }
  if (shards == 1) return cube;

  // Put together what all shards have, in the order of the questions.
  std::vector<LabelCube> parts;
  for (uint32_t i = 0; i < shards; ++i) {
    std::optional<LabelCube> part = load(shard_path(i));
    const size_t expected = (all.size() + shards - 1 - i) / shards;
    if (!part || part->items.size() < expected) {
      Say(StrCat("label ", split, ": shard ", i, "/", shards, " is not done yet"));
      return std::nullopt;
    }
    parts.push_back(std::move(*part));
  }
  LabelCube merged = EmptyCube(scorer, key);
  for (size_t i = 0; i < all.size(); ++i) merged.Append(parts[i % shards].Item(i / shards));
  ThrowIfError(SaveLabelCube(whole, merged));
  return merged;
}

TlmJob::Decision TlmJob::Decide(const StoredTlm& scorer, const LabelCube& train,
                                const LabelCube& validation) {
  const LatencyTable reference = ReadLatencyTable(options_.latency);
  const std::string key = StageKey()
                              .Add("scorer", TlmKey(scorer.settings, scorer.model))
                              .Add("train", train.key)
                              .Add("validation", validation.key)
                              .Add("reference", LatencyJson(reference))
                              .Add("recipe", DecisionRecipe(options_).dump())
                              .Hex();
  if (IsTlmDirectory(FinishedFolder()) && fs::exists(AccuracyPath()) &&
      fs::exists(folder_ + "/decide.json")) {
    StoredTlm stored = LoadTlm(FinishedFolder());
    if (stored.provenance.value("decisions_key", std::string()) == key) {
      Say("decide: is done");
      return {std::move(stored), ReadAccuracyGrid(AccuracyPath()), reference,
              ReadJsonFile(folder_ + "/decide.json")};
    }
  }
  TlmSettings settings = scorer.settings;
  TorchTlm model(settings.config, options_.seed);
  model.CopyFrom(scorer.model);
  const WordPieceTokenizer tokenizer = LoadTokenizer(settings);
  const auto data = [&](const LabelCube& cube, const char* split, uint32_t count) {
    return MakeDecisionData(settings, tokenizer,
                            TlmTasks(options_.tasks, split, count, options_.seed), cube);
  };
  const DecisionData learn = data(train, "train", options_.label_tasks);
  const DecisionData held_out = data(validation, "validation", options_.validation_tasks);
  const std::vector<SloShares> slos = UsualSlos();
  DecisionTrainingOptions training = options_.decision;
  training.seed = options_.seed;
  // A tiny LM that has decided for another bundle knows much about this one's questions.
  training.from_score_branch = !scorer.provenance.contains("decisions");
  const DecisionTraining trained = TrainDecisionHead(model, settings, learn, held_out, reference,
                                                     slos, training, ProgressOf("decision-head"));
  Say(Summary(trained));

  // Chosen on the questions that were learnt from, judged on others: what it chose, the fixed pair
  // and the classifiers' way out among it.
  const AccuracyGrid accuracy = GridOf(validation);
  const PolicyScores scores = ScorePolicies(
      {validation, nullptr, GridOf(train), reference}, slos,
      [&](const SloShares& slo) { return RunDecisionHead(model, settings, held_out, slo); });
  const double grid = MeanOf(scores.of(Policy::kGrid)).value;
  const double classifiers = MeanOf(scores.of(Policy::kClassifiers)).value;
  settings.decision = grid >= classifiers ? DecisionKind::kGrid : DecisionKind::kClassifiers;

  nlohmann::json report = {{"questions", scores.questions},
                           {"best_update", trained.best_update},
                           {"reference", reference.name},
                           {"decision", grid >= classifiers ? "grid" : "classifiers"}};
  for (const Policy policy : kPolicies) {
    if (scores.of(policy).empty()) continue;
    report["policies"][PolicyName(policy)] = EstimateJson(MeanOf(scores.of(policy)));
  }
  nlohmann::json provenance = scorer.provenance;
  provenance["decisions"] = DecisionRecipe(options_);
  provenance["decisions_key"] = key;
  WriteJsonFile(AccuracyPath(), GridJson(accuracy));
  WriteJsonFile(folder_ + "/decide.json", report);
  SaveTlm(FinishedFolder(), settings, model, provenance,
          DType::kF32);  // last: it says all is there
  return {{std::move(settings), std::move(model), std::move(provenance)},
          accuracy,
          reference,
          std::move(report)};
}

}  // namespace elm
