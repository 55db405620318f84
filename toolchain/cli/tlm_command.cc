// elmc tlm: the steps that give a bundle its tiny LM, each alone, in the workspace of an earlier
// `elmc prepare`.
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/cli/commands.h"
#include "toolchain/cli/tlm_flags.h"
#include "toolchain/cli/workspace_of.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pipeline/prepare.h"
#include "toolchain/pipeline/recorded_options.h"
#include "toolchain/pipeline/tlm_subject.h"
#include "toolchain/pipeline/workspace_files.h"
#include "toolchain/tlm/tlm_eval.h"
#include "toolchain/tlm/tlm_tasks.h"

namespace elm {
namespace {

constexpr char kFooter[] =
    "A tiny LM reads the question and the context of a request in front of the LLM: its "
    "score-head\n"
    "says which words are worth keeping, its decision-head which prompt level and model level "
    "will\n"
    "do under the request's SLO. `elmc prepare` makes it in its stage tlm when it knows tasks\n"
    "(--tasks); these commands are its steps, with the options that the workspace remembers:\n"
    "\n"
    "  score    a vocabulary and masked-token pretraining (or --tlm DIR), then the score-head, by "
    "the\n"
    "           LLM's own word saliency or by labelled --pairs\n"
    "  label    every question at every pair of levels, once: right or wrong serves all SLOs\n"
    "  decide   the decision-heads, by the labels and a reference latency table\n"
    "  eval     on test questions: words chosen by the score-head beside other ways to choose, "
    "and\n"
    "           decisions beside an oracle and fixed policies\n"
    "  saliency ways to measure which words matter to the LLM, beside leaving each word out\n"
    "\n"
    "Every step goes on where it was stopped. Labels can be made by several jobs at once.\n"
    "\n"
    "Examples:\n"
    "  elmc prepare --to recover -o m.elm && elmc tlm score m.elm --tasks pocket\n"
    "  elmc tlm label m.elm --shard 0/2 &  elmc tlm label m.elm --shard 1/2 &  wait\n"
    "  elmc tlm decide m.elm && elmc tlm eval m.elm --count 100 --json\n"
    "  elmc prepare -o m.elm                               packs what is there";

struct Flags {
  std::string bundle;
  TlmFlags tlm;
  std::string shard = "0/1";
  uint32_t count = 50;
  uint32_t exact = 12;
  double keep = 0.5;
  bool no_policies = false;
  bool json = false;
  bool quiet = false;
};

// "1/4" -> {1, 4}.
std::pair<uint32_t, uint32_t> ParseShard(const std::string& text) {
  uint32_t shard = 0;
  uint32_t shards = 0;
  const char* end = text.data() + text.size();
  const auto [slash, error] = std::from_chars(text.data(), end, shard);
  if (error == std::errc() && slash != end && *slash == '/') {
    const auto [last, error_of_count] = std::from_chars(slash + 1, end, shards);
    if (error_of_count == std::errc() && last == end && shard < shards) return {shard, shards};
  }
  throw Error(InvalidArgument("--shard is \"", text, "\", expected I/N with I below N, as 0/4"));
}

// What the steps of one call share.
class Steps {
 public:
  explicit Steps(const Flags& flags)
      : options_(OptionsOf(flags)),
        context_(options_, options_.workspace,
                 flags.quiet ? Progress::Style::kNone : Progress::DetectStyle()) {
    PrepareTorch(options_.threads);
    SetTorchThreads(1);  // each of our threads computes by itself
    subject_.emplace(MakeTlmSubject(context_));
    job_.emplace(*subject_, TlmOptionsOf(options_), context_.Path(kTlmFolder),
                 MakeTlmHooks(context_));
  }

  TlmJob& job() { return *job_; }
  const TlmSubject& subject() const { return *subject_; }
  TlmOptions options() const { return TlmOptionsOf(options_); }
  TlmHooks hooks() { return MakeTlmHooks(context_); }

 private:
  static PrepareOptions OptionsOf(const Flags& flags) {
    PrepareOptions options = RecordedOptions(WorkspaceOf(flags.bundle));
    flags.tlm.ApplyTo(options);
    options.no_tlm = false;
    FillInTlm(options);
    if (options.tlm.tasks.empty()) {
      throw Error(
          InvalidArgument("the workspace was prepared without tasks; name what the tiny LM ",
                          "is to serve with --tasks, as pocket or FILE.jsonl"));
    }
    return options;
  }

  PrepareOptions options_;
  RunContext context_;
  std::optional<TlmSubject> subject_;
  std::optional<TlmJob> job_;
};

void Print(const nlohmann::json& json) { std::printf("%s\n", json.dump(2).c_str()); }

void RunScore(const Flags& flags) {
  Steps steps(flags);
  const StoredTlm tlm = steps.job().Score();
  const nlohmann::json result = {{"folder", steps.job().ScoreFolder()},
                                 {"body_weights", tlm.model.body_weights()},
                                 {"pieces", tlm.settings.config.vocab}};
  if (flags.json) return Print(result);
  std::printf("wrote %s: %llu weights outside the embeddings, %u pieces\n",
              steps.job().ScoreFolder().c_str(),
              static_cast<unsigned long long>(tlm.model.body_weights()), tlm.settings.config.vocab);
}

void RunLabel(const Flags& flags) {
  const auto [shard, shards] = ParseShard(flags.shard);
  Steps steps(flags);
  const StoredTlm scorer = steps.job().Score();
  nlohmann::json result = nlohmann::json::object();
  for (const char* split : {"train", "validation"}) {
    const std::optional<LabelCube> cube = steps.job().Label(scorer, split, shard, shards);
    result[split] = {{"finished", cube.has_value()}};
    if (cube) result[split]["questions"] = cube->items.size();
    if (flags.json) continue;
    if (cube) {
      std::printf("%s: %zu questions at %zu pairs of levels\n", split, cube->items.size(),
                  cube->pairs());
    } else {
      std::printf("%s: shard %s is done, others are not\n", split, flags.shard.c_str());
    }
  }
  if (flags.json) Print(result);
}

TlmJob::Decision DecideIn(Steps& steps) {
  const StoredTlm scorer = steps.job().Score();
  const std::optional<LabelCube> train = steps.job().Label(scorer, "train");
  const std::optional<LabelCube> validation = steps.job().Label(scorer, "validation");
  return steps.job().Decide(scorer, *train, *validation);
}

void PrintPolicies(const nlohmann::json& policies) {
  std::printf("%-14s %9s %6s   %s\n", "policy", "right", "+-", "head in use ahead by");
  for (const nlohmann::json& row : policies["policies"]) {
    const nlohmann::json& accuracy = row["accuracy"];
    const nlohmann::json& ahead = row["head_ahead"];
    const auto error = [](const nlohmann::json& estimate) {
      return estimate["standard_error"].is_null() ? 0.0 : estimate["standard_error"].get<double>();
    };
    std::printf("%-14s %8.1f%% %5.1f   %+5.1f +- %.1f (1.96 s.e.)\n",
                row["policy"].get<std::string>().c_str(), 100 * accuracy["value"].get<double>(),
                100 * error(accuracy), 100 * ahead["value"].get<double>(), 196 * error(ahead));
  }
  if (policies.contains("way_to_oracle")) {
    std::printf("%.0f %% of the way from the best fixed policy to the oracle\n",
                100 * policies["way_to_oracle"].get<double>());
  }
}

void RunDecide(const Flags& flags) {
  Steps steps(flags);
  const TlmJob::Decision decision = DecideIn(steps);
  if (flags.json) return Print(decision.report);
  std::printf("on %d validation questions the %s decide better; policies:\n",
              decision.report["questions"].get<int>(),
              decision.report["decision"] == "grid" ? "grid head's probabilities" : "classifiers");
  for (const auto& [name, estimate] : decision.report["policies"].items()) {
    std::printf("  %-14s %5.1f %%\n", name.c_str(), 100 * estimate["value"].get<double>());
  }
}

void PrintSelectors(const nlohmann::json& rows) {
  std::printf("%-10s %7s", "words by", "mean");
  for (const auto& [family, estimate] : rows[0]["families"].items()) {
    std::printf(" %9s", family.c_str());
  }
  std::printf("   tiny LM ahead by\n");
  for (const nlohmann::json& row : rows) {
    std::printf("%-10s %6.1f%%", row["selector"].get<std::string>().c_str(),
                100 * row["mean"]["value"].get<double>());
    for (const auto& [family, estimate] : row["families"].items()) {
      std::printf(" %8.1f%%", 100 * estimate["value"].get<double>());
    }
    const nlohmann::json& ahead = row["tiny_lm_ahead"];
    std::printf("   %+.1f\n", 100 * ahead["value"].get<double>());
  }
}

void RunEval(const Flags& flags) {
  if (!(flags.keep > 0 && flags.keep <= 1)) {
    throw Error(InvalidArgument("--keep is ", flags.keep, ", expected above 0 and at most 1"));
  }
  Steps steps(flags);
  TlmJob::Decision decision = DecideIn(steps);
  const TlmOptions options = steps.options();
  const std::vector<Task> tasks = TlmTasks(options.tasks, "test", flags.count, options.seed);
  nlohmann::json result = {{"tasks", options.tasks}, {"count", tasks.size()}, {"keep", flags.keep}};
  result["selectors"] = SelectorsJson(
      CompareSelectors(steps.subject(), options, decision.tlm, tasks, flags.keep, steps.hooks()),
      tasks);
  if (!flags.json) PrintSelectors(result["selectors"]);
  if (!flags.no_policies) {
    const LabelCube cube = steps.job().MakeCube(decision.tlm, tasks);
    std::optional<LabelCube> rewordings;
    if (IsPocketTasks(options.tasks)) {
      rewordings = steps.job().MakeCube(
          decision.tlm, TlmTasks(options.tasks, "test", flags.count, options.seed, /*wording=*/1));
    }
    const WordPieceTokenizer tokenizer = ValueOrThrow(WordPieceTokenizer::Load(
        decision.tlm.settings.vocabulary, decision.tlm.settings.lower_case));
    const DecisionData data = MakeDecisionData(decision.tlm.settings, tokenizer, tasks, cube);
    const std::vector<SloShares> slos = UsualSlos();
    const PolicyScores scores = ScorePolicies(
        {cube, rewordings ? &*rewordings : nullptr, decision.accuracy, decision.reference}, slos,
        [&](const SloShares& slo) {
          return RunDecisionHead(decision.tlm.model, decision.tlm.settings, data, slo);
        });
    result["decisions"] = PoliciesJson(scores, decision.tlm.settings.decision);
    if (!flags.json) PrintPolicies(result["decisions"]);
  }
  if (flags.json) Print(result);
}

void RunSaliency(const Flags& flags) {
  Steps steps(flags);
  const TlmOptions options = steps.options();
  const std::vector<Task> tasks = TlmTasks(options.tasks, "validation", flags.count, options.seed);
  nlohmann::json result = nlohmann::json::array();
  if (!flags.json) {
    std::printf("%-32s %10s %12s %12s\n", "gate, loss, gate values", "s/task", "rank corr.",
                "right");
  }
  for (const SaliencyVariant& variant :
       CompareSaliency(steps.subject(), options, tasks, flags.exact, flags.keep, steps.hooks())) {
    const std::string name = SaliencyName(variant.options);
    result.push_back({{"variant", name},
                      {"seconds_per_task", variant.seconds_per_task},
                      {"rank_correlation", variant.rank_correlation},
                      {"right", variant.right}});
    if (flags.json) continue;
    std::printf("%-32s %10.3f %12.3f %11.1f%%\n", name.c_str(), variant.seconds_per_task,
                variant.rank_correlation, 100 * variant.right);
  }
  if (flags.json) Print(result);
}

CLI::App* AddStep(CLI::App& parent, const std::shared_ptr<Flags>& flags, const char* name,
                  const char* description, void (*run)(const Flags&)) {
  CLI::App* step = parent.add_subcommand(name, description);
  step->add_option("bundle", flags->bundle,
                   "the bundle that `elmc prepare` was to write, or its workspace; default: the "
                   "built-in model's, here");
  AddTlmFlags(*step, flags->tlm);
  step->add_option("--threads", flags->tlm.threads, "0: as the workspace was prepared with");
  step->add_flag("--json", flags->json, "print the result as JSON");
  step->add_flag("--quiet", flags->quiet, "no progress");
  step->callback([flags, run] { run(*flags); });
  return step;
}

}  // namespace

void AddTlmCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("tlm", "Train the tiny LM in a prepared workspace");
  command->require_subcommand(1);
  command->footer(kFooter);
  const auto flags = std::make_shared<Flags>();
  AddStep(*command, flags, "score", "which words of a context are worth keeping", RunScore);
  CLI::App* label = AddStep(*command, flags, "label",
                            "which questions are answered right at every pair of levels", RunLabel);
  label->add_option("--shard", flags->shard, "I/N: only every Nth question, from the Ith")
      ->capture_default_str();
  AddStep(*command, flags, "decide", "which pair of levels will do", RunDecide);
  CLI::App* eval = AddStep(*command, flags, "eval", "both heads on test questions", RunEval);
  eval->add_option("--count", flags->count, "test questions of each family")->capture_default_str();
  eval->add_option("--keep", flags->keep, "share of the context's words that stays")
      ->capture_default_str();
  CLI::App* saliency =
      AddStep(*command, flags, "saliency",
              "ways to measure which words matter, beside leaving each out", RunSaliency);
  saliency->add_option("--count", flags->count, "validation questions of each family")
      ->capture_default_str();
  saliency->add_option("--exact", flags->exact, "questions of which every word is left out in turn")
      ->capture_default_str();
  saliency->add_option("--keep", flags->keep, "share of the context's words that stays")
      ->capture_default_str();
  eval->add_flag("--no-policies", flags->no_policies, "leave the decisions out");
}

}  // namespace elm
