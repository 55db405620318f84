#include "toolchain/baselines/run_baselines.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "formats/base/hash.h"
#include "formats/base/suggest.h"
#include "formats/checkpoint/checkpoint.h"
#include "formats/elm/bundle.h"
#include "formats/workspace/sha256.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/eval/hash_text.h"
#include "toolchain/eval/torch_engine.h"
#include "toolchain/model/bundle_model.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/plan/plan.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr uint32_t kFullLevel = 1000;
constexpr uint32_t kNarrow = 1024;

// Elastic first, then models trained from scratch, then the methods.
std::vector<std::string> AllMethods() {
  std::vector<std::string> names = {std::string(kElasticMethod), std::string(kSiblingsMethod)};
  for (const BaselineMethod& method : BaselineMethods()) names.emplace_back(method.name);
  return names;
}

std::string HashOf(const json& value) {
  const std::string text = value.dump();
  return HashText(Hash64(std::as_bytes(std::span(text))));
}

// Where an entry of that method and table belongs.
std::pair<int, size_t> PlaceOf(const std::string& method, BaselineTable table) {
  const std::vector<std::string> all = AllMethods();
  const auto found = std::find(all.begin(), all.end(), method);
  return {static_cast<int>(table), static_cast<size_t>(found - all.begin())};
}

// "reached 33.3 % at level 0.3, ..." of the levels that are more than a point off; else empty.
std::string SharesText(const std::vector<LevelScores>& levels) {
  std::string text;
  for (const LevelScores& level : levels) {
    if (std::abs(level.reached_share - level.name_permille / 1000.0) <= kLevelTolerance) continue;
    const auto tenths = std::lround(1000 * level.reached_share);
    text += StrCat(text.empty() ? "the nearest that it reaches is " : ", ", tenths / 10, ".",
                   tenths % 10, " % at ", LevelName(level.name_permille));
  }
  return text;
}

// Notes of levels, those of one text together: "layers merged: 0 to 1 (0.5)".
std::string LevelNotes(const std::map<uint32_t, std::string>& notes) {
  std::vector<std::pair<std::string, std::string>> grouped;  // text, levels
  for (const auto& [name, note] : notes) {
    const auto same = std::find_if(grouped.begin(), grouped.end(),
                                   [&](const auto& group) { return group.first == note; });
    if (same == grouped.end()) {
      grouped.emplace_back(note, LevelName(name));
    } else {
      same->second += ", " + LevelName(name);
    }
  }
  std::string text;
  for (const auto& [note, levels] : grouped) {
    text += StrCat(text.empty() ? "" : "; ", note, " (", levels, ")");
  }
  return text;
}

void Append(const std::string& more, std::string& text) {
  if (!more.empty()) text += "; " + more;
}

class Bench {
 public:
  Bench(const BaselinesRun& run, const BaselinesHooks& hooks) : run_(run), hooks_(hooks) {}

  BaselinesReport Run() {
    SetTorchThreads(1);
    LoadEarlier();
    for (const std::string& method : run_.methods) {
      if (method == kElasticMethod) {
        RunElastic();
      } else if (method == kSiblingsMethod) {
        RunSiblings();
      } else {
        RunMethod(*FindBaselineMethod(method));
      }
    }
    return Measured();
  }

 private:
  // What decides an entry's scores beside the method and the questions.
  json Origin(const std::string& method) const {
    return {{"method", method},
            {"model", run_.heading.model_hash},
            {"calibration", run_.diet.calibration_hash},
            {"seed", run_.seed}};
  }

  void LoadEarlier() {
    if (run_.json.empty() || !std::filesystem::exists(run_.json)) return;
    RefuseOtherSchema(run_.json, kBaselinesSchema);
    BaselinesReport earlier;
    try {
      earlier = ReadBaselines(run_.json);
    } catch (const Error& error) {
      hooks_.say(StrCat(error.what(), "; it will be replaced"));
      return;
    }
    for (BaselineEntry& entry : earlier.entries) {
      EvalReport heading = entry.report;
      heading.levels.clear();
      // Elastic bundles and models trained from scratch have files of their own.
      if (FindBaselineMethod(entry.method) == nullptr) {
        heading.model_form = run_.heading.model_form;
        heading.model_hash = run_.heading.model_hash;
      }
      if (!(heading == run_.heading)) {
        hooks_.say(
            StrCat(run_.json, " is about another model or other questions and will be replaced"));
        report_.entries.clear();
        return;
      }
      report_.entries.push_back(std::move(entry));
    }
  }

  // What has at least one level.
  BaselinesReport Measured() const {
    BaselinesReport measured = report_;
    std::erase_if(measured.entries,
                  [](const BaselineEntry& entry) { return entry.report.levels.empty(); });
    return measured;
  }

  void Write() const {
    if (!run_.json.empty()) WriteBaselines(run_.json, Measured());
  }

  // The entry to add levels to: what was measured before when it came about in the same way.
  BaselineEntry& EntryFor(const std::string& method, BaselineTable table,
                          const std::string& made_from) {
    auto found = std::find_if(
        report_.entries.begin(), report_.entries.end(),
        [&](const BaselineEntry& entry) { return entry.method == method && entry.table == table; });
    if (found == report_.entries.end()) {
      const auto place = std::find_if(
          report_.entries.begin(), report_.entries.end(), [&](const BaselineEntry& entry) {
            return PlaceOf(entry.method, entry.table) > PlaceOf(method, table);
          });
      found = report_.entries.insert(place, BaselineEntry{.method = method, .table = table});
    }
    if (found->made_from != made_from) {
      *found = {.method = method, .table = table, .made_from = made_from, .report = run_.heading};
    }
    return *found;
  }

  static const LevelScores* Find(const BaselineEntry& entry, uint32_t name) {
    for (const LevelScores& level : entry.report.levels) {
      if (level.name_permille == name) return &level;
    }
    return nullptr;
  }

  static bool HasAll(const BaselineEntry& entry, const std::vector<uint32_t>& names) {
    return Find(entry, kFullLevel) != nullptr &&
           std::all_of(names.begin(), names.end(),
                       [&](uint32_t name) { return Find(entry, name) != nullptr; });
  }

  static void Add(LevelScores scores, BaselineEntry& entry) {
    std::vector<LevelScores>& levels = entry.report.levels;
    const auto place = std::find_if(levels.begin(), levels.end(), [&](const LevelScores& other) {
      return other.name_permille > scores.name_permille;
    });
    levels.insert(place, std::move(scores));
  }

  std::string Label(const BaselineEntry& entry, const std::string& what) const {
    return StrCat(entry.method, " (", BaselineTableName(entry.table), ") ", what);
  }

  LevelScores Ask(const Llama& model, const Level& level, LevelExtras extras, double share,
                  const std::string& label) {
    LevelTable table;
    table.levels.push_back(level);
    std::vector<LevelExtras> all;
    all.push_back(std::move(extras));
    TorchEngine engine(model, table, run_.eval_batch, run_.threads, std::move(all));
    const size_t only = 0;
    LevelScores scores =
        Evaluate(engine, model.config(), table, {&only, 1}, run_.questions, run_.rules,
                 [&](size_t done, size_t total) { hooks_.progress(label, done, total, ""); })
            .front();
    scores.reached_share = share;
    return scores;
  }

  // The original, which every method's curve ends in.
  void AddFull(BaselineEntry& entry) {
    if (Find(entry, kFullLevel) != nullptr) return;
    for (const BaselineEntry& other : report_.entries) {
      const bool own = other.report.model_hash == run_.heading.model_hash;
      const LevelScores* known = own ? Find(other, kFullLevel) : nullptr;
      if (known == nullptr) continue;
      LevelScores copy = *known;
      return Add(std::move(copy), entry);
    }
    const LevelTable table = FullLevelOnly(run_.model.config());
    Add(Ask(run_.model, table.full(), {}, 1.0, Label(entry, "1.0")), entry);
  }

  ProfileProgress ProgressOf(const std::string& label) const {
    return [this, label](size_t done, size_t total) {
      hooks_.throw_if_cancelled();
      hooks_.progress(label, done, total, "");
    };
  }

  RecoverHooks RecoverHooksOf(const std::string& label) const {
    RecoverHooks hooks;
    hooks.report = [this, label](const RecoverProgress& done) {
      const auto thousands = static_cast<uint64_t>(done.tokens_per_second / 1000);
      hooks_.progress(
          label, done.tokens, done.total_tokens,
          StrCat("loss ", std::round(done.loss * 1000) / 1000, ", ", thousands, " k tokens/s"));
    };
    hooks.say = [this, label](const std::string& text) { hooks_.say(StrCat(label, ": ", text)); };
    hooks.throw_if_cancelled = hooks_.throw_if_cancelled;
    return hooks;
  }

  // One of the published methods, in all tables that it belongs to.
  struct Piece {
    BaselineTable table;
    std::optional<RecoverOptions> recover;
    std::string made_from;
  };

  std::vector<Piece> PiecesOf(const BaselineMethod& method) const {
    std::vector<Piece> pieces;
    for (const BaselineTable table : run_.tables) {
      Piece piece{table, std::nullopt, ""};
      if (table == BaselineTable::kSameRecovery) {
        if (method.recovery == BaselineRecovery::kNever) continue;
        piece.recover = run_.recover;
      } else if (method.recovery == BaselineRecovery::kPublished) {
        piece.recover = run_.recover;
        piece.recover->recovery = Recovery::kNextToken;
      }
      json origin = Origin(std::string(method.name));
      origin["rank"] = run_.recover.rank;  // bounds how thin a layer may become
      if (piece.recover) {
        origin["recovery"] = Recipe(Resolve(*piece.recover, run_.model.config()));
      }
      if (method.trains) origin["tokens"] = run_.recover.tokens;
      if (piece.recover || method.trains) origin["data"] = run_.diet.data_hash;
      piece.made_from = HashOf(origin);
      pieces.push_back(std::move(piece));
    }
    return pieces;
  }

  void RunMethod(const BaselineMethod& method) {
    std::vector<Piece> pieces = PiecesOf(method);
    std::erase_if(pieces, [&](const Piece& piece) {
      return HasAll(EntryFor(std::string(method.name), piece.table, piece.made_from), run_.names);
    });
    if (pieces.empty()) return;
    // Whole passes on this thread, where wide layers keep several busy.
    SetTorchThreads(run_.model.config().width > kNarrow ? static_cast<int>(run_.threads) : 1);
    const std::vector<PrunedModel> models =
        method.prune({.model = run_.model,
                      .calibration = run_.calibration,
                      .names = run_.names,
                      .batch = run_.calibration_batch,
                      .seed = run_.seed,
                      .least_neurons = run_.recover.rank,
                      .examples = &run_.diet.examples,
                      .tokens = run_.recover.tokens,
                      .folder = StrCat(run_.workspace, "/predictors"),
                      .data_key = HashOf({run_.heading.model_hash, run_.diet.data_hash}),
                      .progress = ProgressOf(StrCat(method.name, " prune"))});
    SetTorchThreads(1);  // from here on every thread computes by itself
    for (const Piece& piece : pieces) RunPiece(method, piece, models);
  }

  void RunPiece(const BaselineMethod& method, const Piece& piece,
                const std::vector<PrunedModel>& models) {
    BaselineEntry& entry = EntryFor(std::string(method.name), piece.table, piece.made_from);
    entry.recovery_tokens = piece.recover || method.trains ? run_.recover.tokens : 0;
    AddFull(entry);
    for (const PrunedModel& pruned : models) {
      std::vector<std::optional<LoraAdapter>> adapters(pruned.levels.size());
      if (piece.recover) {
        adapters = RecoverPruned(
            pruned, run_.diet, *piece.recover,
            StrCat(run_.workspace, "/adapters/", method.name, "_", BaselineTableName(piece.table)),
            RecoverHooksOf(Label(entry, "recover")));
      }
      AskLevels(pruned, adapters, entry);
      for (const PrunedLevel& level : pruned.levels) {
        if (!level.note.empty()) entry.level_notes[level.level.name_permille] = level.note;
      }
    }
    entry.note = method.about;
    Append(LevelNotes(entry.level_notes), entry.note);
    Append(SharesText(entry.report.levels), entry.note);
    Write();
  }

  void AskLevels(const PrunedModel& pruned, std::span<const std::optional<LoraAdapter>> adapters,
                 BaselineEntry& entry) {
    const std::vector<size_t> first = FirstAlike(pruned);
    for (size_t i = 0; i < pruned.levels.size(); ++i) {
      const PrunedLevel& level = pruned.levels[i];
      const uint32_t name = level.level.name_permille;
      if (Find(entry, name) != nullptr) continue;
      const LevelScores* alike = Find(entry, pruned.levels[first[i]].level.name_permille);
      LevelScores scores;
      if (alike != nullptr) {
        scores = *alike;
      } else {
        scores = Ask(pruned.model, level.level,
                     {.adapter = adapters[i], .biases = level.biases, .gating = level.gating},
                     level.share, Label(entry, LevelName(name)));
      }
      scores.name_permille = name;
      Add(std::move(scores), entry);
      Write();
    }
  }

  // The elastic model is the same in both tables.
  void RunElastic() {
    const std::shared_ptr<const Bundle> bundle = ValueOrThrow(Bundle::Open(run_.bundle));
    const json about = CheckBundle(*bundle);
    const std::string hash = HashFiles({run_.bundle});
    const std::string made_from = HashOf({{"method", kElasticMethod}, {"bundle", hash}});
    const auto tokens = about.value("recovery_tokens", uint64_t{0});
    std::optional<Llama> model;
    for (const BaselineTable table : run_.tables) {
      if (table == BaselineTable::kSameRecovery) RequireSameRecovery(tokens);
      BaselineEntry& entry = EntryFor(std::string(kElasticMethod), table, made_from);
      entry.report.model_form = "elm bundle";
      entry.report.model_hash = hash;
      entry.recovery_tokens = tokens;
      entry.note =
          "this project's elastic model: one set of weights, levels as prefixes of its "
          "units, an adapter for each";
      CopyLevels(entry);
      if (!model) model = LoadBundleModel(*bundle, run_.model.device(), run_.model.dtype());
      AskBundle(*bundle, *model, entry);
      Append(SharesText(entry.report.levels), entry.note);
      Write();
    }
  }

  json CheckBundle(const Bundle& bundle) const {
    if (!(bundle.config() == run_.model.config())) {
      throw Error(InvalidArgument(run_.bundle, ": has the shape of another model than the one ",
                                  "that the baselines are made from; give its own checkpoint"));
    }
    for (const uint32_t name : run_.names) {
      ThrowIfError(FindLevel(bundle.levels(), LevelName(name)).status().In(run_.bundle));
    }
    json about = json::parse(bundle.view().provenance_json, nullptr, /*allow_exceptions=*/false);
    if (!about.is_object()) about = json::object();
    const std::string of = about.value("checkpoint_sha256", run_.checkpoint_sha256);
    if (of == run_.checkpoint_sha256) return about;
    throw Error(InvalidArgument(run_.bundle, ": was made from another checkpoint (SHA-256 ",
                                of.substr(0, 12), ", this one is ",
                                run_.checkpoint_sha256.substr(0, 12), ")"));
  }

  // A bundle whose maker does not say (0) is taken at its word. The last update may go a little
  // beyond the tokens that were asked for.
  void RequireSameRecovery(uint64_t tokens) const {
    const auto asked = static_cast<double>(run_.recover.tokens);
    if (tokens == 0 || std::abs(static_cast<double>(tokens) - asked) <= 0.02 * asked) return;
    throw Error(InvalidArgument(run_.bundle, ": its adapters learnt from ", tokens,
                                " tokens for each level, those of table (b) are to learn from ",
                                run_.recover.tokens, "; give --recover-tokens ", tokens,
                                ", another bundle, or --tables a"));
  }

  // Takes over what the other table's entry of the same method has.
  void CopyLevels(BaselineEntry& entry) const {
    for (const BaselineEntry& other : report_.entries) {
      if (other.method != entry.method || other.made_from != entry.made_from) continue;
      for (const LevelScores& level : other.report.levels) {
        if (Find(entry, level.name_permille) == nullptr) Add(level, entry);
      }
    }
  }

  void AskBundle(const Bundle& bundle, const Llama& model, BaselineEntry& entry) {
    const std::vector<std::optional<LoraAdapter>> adapters =
        LoadBundleAdapters(bundle, model.device(), model.dtype());
    std::vector<uint32_t> names = run_.names;
    names.push_back(kFullLevel);
    for (const uint32_t name : names) {
      if (Find(entry, name) != nullptr) continue;
      const size_t index = *FindLevel(bundle.levels(), LevelName(name));
      const Level& level = bundle.levels().levels[index];
      Add(Ask(model, level, {.adapter = adapters[index]}, TrueShare(model.config(), level),
              Label(entry, LevelName(name))),
          entry);
      Write();
    }
  }

  // Smaller models of their own, each at the share that its layers' weights are of the original's.
  void RunSiblings() {
    const bool published = std::find(run_.tables.begin(), run_.tables.end(),
                                     BaselineTable::kPublished) != run_.tables.end();
    if (!published) return;
    if (run_.siblings.empty()) {
      hooks_.say(
          "pfs: no models trained from scratch are known for this checkpoint; name them "
          "with --siblings");
      return;
    }
    std::vector<std::string> files;
    for (const std::string& path : run_.siblings) {
      for (const std::string& file : ValueOrThrow(OpenCheckpoint(path))->files()) {
        files.push_back(file);
      }
    }
    const std::string hash = HashFiles(files);
    BaselineEntry& entry = EntryFor(
        std::string(kSiblingsMethod), BaselineTable::kPublished,
        HashOf(
            {{"method", kSiblingsMethod}, {"model", run_.heading.model_hash}, {"models", hash}}));
    entry.report.model_hash = hash;
    entry.note = "models of their own, trained from scratch, each at its own share:";
    for (const std::string& path : run_.siblings) AskSibling(path, entry);
    AddFull(entry);
    Write();
  }

  void AskSibling(const std::string& path, BaselineEntry& entry) {
    const std::unique_ptr<Checkpoint> checkpoint = ValueOrThrow(OpenCheckpoint(path));
    RequireSameTokenizer(path, *checkpoint);
    const ModelConfig& config = checkpoint->config();
    const LevelTable whole = FullLevelOnly(config);
    const ModelConfig& original = run_.model.config();
    const LayerSlice layer{original.query_heads, original.kv_heads, original.neurons};
    const double share =
        static_cast<double>(config.layers * SliceWeights(config, whole.full().layers.front())) /
        static_cast<double>(original.layers * SliceWeights(original, layer));
    const auto name = static_cast<uint32_t>(std::lround(1000 * share));
    if (name < 1 || name >= kFullLevel) {
      throw Error(InvalidArgument(path, ": its layers hold ", share, " of the original's weights; ",
                                  "siblings are smaller models"));
    }
    entry.note +=
        StrCat(" ", std::filesystem::path(path).filename().string(), " (", LevelName(name), ")");
    if (Find(entry, name) != nullptr) return;
    const Llama model = Llama::Load(*checkpoint, run_.model.device(), run_.model.dtype());
    LevelScores scores = Ask(model, whole.full(), {}, share, Label(entry, LevelName(name)));
    scores.name_permille = name;
    Add(std::move(scores), entry);
    Write();
  }

  // Questions are token ids, so they must mean the same.
  void RequireSameTokenizer(const std::string& path, const Checkpoint& sibling) const {
    const std::string tokenizer = sibling.tokenizer_path();
    if (!tokenizer.empty() && ValueOrThrow(Sha256OfFile(tokenizer)) == run_.tokenizer_sha256) {
      return;
    }
    throw Error(InvalidArgument(path, ": has another tokenizer than the model; only models with ",
                                "the same vocabulary can be asked the same token ids"));
  }

  const BaselinesRun& run_;
  const BaselinesHooks& hooks_;
  BaselinesReport report_;
};

}  // namespace

std::vector<std::string> ChooseMethods(const std::vector<std::string>& given) {
  const std::vector<std::string> all = AllMethods();
  if (given == std::vector<std::string>{"all"}) return all;
  for (const std::string& name : given) {
    if (std::find(all.begin(), all.end(), name) != all.end()) continue;
    std::string names;
    for (const std::string& known : all) names += StrCat(names.empty() ? "" : ", ", known);
    throw Error(InvalidArgument("--methods: \"", name, "\" is none", Suggestion(name, all),
                                "; choose all or some of ", names));
  }
  std::vector<std::string> chosen;
  for (const std::string& name : all) {
    if (std::find(given.begin(), given.end(), name) != given.end()) chosen.push_back(name);
  }
  return chosen;
}

BaselinesReport RunBaselines(const BaselinesRun& run, const BaselinesHooks& hooks) {
  return Bench(run, hooks).Run();
}

}  // namespace elm
