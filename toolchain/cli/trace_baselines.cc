#include "toolchain/cli/trace_baselines.h"

#include <spdlog/spdlog.h>

#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/baselines/baselines_report.h"
#include "toolchain/baselines/sparsity_predictor.h"
#include "toolchain/eval/hash_text.h"
#include "toolchain/eval/torch_engine.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/pipeline/run_context.h"
#include "toolchain/recover/flat_tensors.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kFullLevel = 1000;
constexpr const char* kSparsityMethod = "sparsity";

struct Row {
  const char* method;  // of `elmc baselines`
  const char* title;
  PolicyRole role;
};
// The publication's seven but for LLMLingua-2, which chooses by itself; then what else is at hand.
constexpr std::array kRows = {
    Row{"pfs", "PFS", PolicyRole::kBaseline},
    Row{"llm-pruner", "LLM-Pruner", PolicyRole::kBaseline},
    Row{"le", "LE", PolicyRole::kBaseline},
    Row{"laco", "LaCo", PolicyRole::kBaseline},
    Row{"shortgpt", "ShortGPT", PolicyRole::kBaseline},
    Row{"attndrop", "AttnDrop", PolicyRole::kBaseline},
    Row{"elastic", "ours, model levels alone", PolicyRole::kOther},
    Row{"flap", "FLAP", PolicyRole::kOther},
    Row{"wanda-sp", "Wanda-sp", PolicyRole::kOther},
    Row{"magnitude", "magnitude", PolicyRole::kOther},
};

// The entry of a method in a table; in (b), where it has none, that of (a).
const BaselineEntry* EntryOf(const BaselinesReport& report, const char* method,
                             BaselineTable table) {
  const BaselineEntry* entry = report.Find(method, table);
  return entry != nullptr ? entry : report.Find(method, BaselineTable::kPublished);
}

std::string PredictorsBeside(const std::string& baselines) {
  const fs::path folder = baselines + ".work/predictors";
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(folder, ignored)) {
    if (file.path().extension() == ".safetensors") found.push_back(file.path().string());
  }
  if (found.size() == 1) return found.front();
  throw Error(InvalidArgument(folder.string(), ": holds ", found.size(),
                              " predictors of contextual sparsity, expected one; name it with "
                              "--predictors"));
}

// One level of the whole model for each of the entry's, gated but for the full one.
std::unique_ptr<TorchEngine> SparseEngine(const EvalReport& report, const std::string& path,
                                          Llama model, const BaselineScoring& scoring) {
  const ModelConfig& config = model.config();
  const FlatTensors file = LoadFlatTensors(path);
  const int64_t weights = SparsityPredictor(config).count();
  LevelTable table;
  std::vector<LevelExtras> extras;
  for (const LevelScores& level : report.levels) {
    const size_t index = extras.size();
    table.levels.push_back({level.name_permille, FullLevelOnly(config).full().layers});
    LevelExtras& extra = extras.emplace_back();
    if (level.name_permille == kFullLevel) continue;
    const torch::Tensor& flat = FindVector(file, path, StrCat(index, ".predictor"), weights);
    extra.gating = std::make_shared<PredictedGating>(
        config, flat, UniformActiveUnits(config, level.name_permille));
    // Tokens of a prompt are computed together, and together they need all units.
    extra.gates_prompts = false;
  }
  return std::make_unique<TorchEngine>(std::move(model), std::move(table), scoring.batch,
                                       scoring.threads, std::move(extras));
}

}  // namespace

void AddTraceBaselineFlags(CLI::App& command, const std::string& group, TraceBaselineFiles& files) {
  command
      .add_option("--baselines", files.baselines,
                  "(b) what `elmc baselines --json` wrote about the same tasks")
      ->group(group);
  command
      .add_option("--checkpoint", files.checkpoint,
                  "(b) that baselines were made from, for contextual sparsity behind shortened "
                  "prompts; default: the built-in pocket-4m")
      ->group(group);
  command
      .add_option("--predictors", files.predictors,
                  "(b) of contextual sparsity; default: what `elmc baselines` left beside its file")
      ->group(group);
}

struct TraceBaselines::Impl {
  BaselinesReport report;
  std::string hash;
  std::vector<TraceBaseline> rows;
  std::unique_ptr<TorchEngine> engine;
  std::optional<SparseDecoding> sparse;

  void AddRows(const std::string& path, std::span<const Task> tasks) {
    for (const BaselineTable table : {BaselineTable::kPublished, BaselineTable::kSameRecovery}) {
      for (const Row& row : kRows) {
        const BaselineEntry* entry = EntryOf(report, row.method, table);
        // The elastic model is the same in both.
        const bool again =
            table == BaselineTable::kSameRecovery && row.method == std::string(kElasticMethod);
        if (entry == nullptr || again) continue;
        const char* name = BaselineTableName(table);
        rows.push_back({{.name = StrCat(row.method, "/", name),
                         .title = row.title,
                         .role = row.role,
                         .table = row.method == std::string(kElasticMethod) ? "" : name,
                         .note = entry->note},
                        std::make_shared<BaselineAnswers>(entry->report,
                                                          StrCat(path, ": ", row.method), tasks)});
      }
    }
  }

  void AddSparse(const TraceBaselineFiles& files, std::span<const Task> tasks,
                 const BaselineScoring& scoring) {
    const BaselineEntry* entry = report.Find(kSparsityMethod, BaselineTable::kPublished);
    if (entry == nullptr) {
      spdlog::warn("{}: holds no contextual sparsity; the row of LLMLingua-2 is left out",
                   files.baselines);
      return;
    }
    const std::string predictors =
        files.predictors.empty() ? PredictorsBeside(files.baselines) : files.predictors;
    PrepareOptions prepare;
    prepare.checkpoint = ResolveCheckpoint(files.checkpoint);
    RunContext checkpoint(prepare, "", Progress::Style::kNone);
    if (HashFiles(checkpoint.checkpoint().files()) != entry->report.model_hash) {
      throw Error(InvalidArgument(prepare.checkpoint, ": is not the checkpoint that ",
                                  files.baselines, " is about; name that with --checkpoint"));
    }
    engine = SparseEngine(entry->report, predictors,
                          checkpoint.LoadModel(torch::kCPU, torch::kFloat32), scoring);
    sparse.emplace(SparseDecoding{
        {.name = kLinguaPolicy,
         .title = "LLMLingua-2 + CS",
         .role = PolicyRole::kBaseline,
         .table = "",
         .note = "our score-head alone, at the tiny LM's full time; contextual sparsity behind the "
                 "prompt"},
        {.engine = *engine, .rules = scoring.rules, .encode = scoring.encode, .bos = scoring.bos},
        std::make_shared<BaselineAnswers>(entry->report,
                                          StrCat(files.baselines, ": ", kSparsityMethod), tasks)});
    hash = HashFiles({files.baselines, predictors});
  }
};

TraceBaselines::TraceBaselines(const TraceBaselineFiles& files, std::span<const Task> tasks,
                               const BaselineScoring& scoring)
    : impl_(std::make_unique<Impl>()) {
  if (files.baselines.empty()) return;
  impl_->report = ReadBaselines(files.baselines);
  impl_->hash = HashFiles({files.baselines});
  impl_->AddRows(files.baselines, tasks);
  impl_->AddSparse(files, tasks, scoring);
}

TraceBaselines::~TraceBaselines() = default;

const std::string& TraceBaselines::hash() const { return impl_->hash; }

std::span<const TraceBaseline> TraceBaselines::rows() const { return impl_->rows; }

const SparseDecoding* TraceBaselines::sparse() const {
  return impl_->sparse ? &*impl_->sparse : nullptr;
}

}  // namespace elm
