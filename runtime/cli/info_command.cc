#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "formats/elm/elastic_json.h"
#include "formats/elm/elastic_text.h"
#include "formats/elm/level_text.h"
#include "formats/json/json_object.h"
#include "formats/model/model_json.h"
#include "runtime/cli/command.h"
#include "runtime/cli/cpu_text.h"
#include "runtime/cli/memory.h"
#include "runtime/cli/output.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr int kTimedOpens = 20;
constexpr int kTimedSwitches = 100'000;

// What opening and switching cost on this machine.
struct Timing {
  double open_us;                   // mean over kTimedOpens, file cached
  std::optional<double> switch_us;  // mean over kTimedSwitches; none with a single level
};

double MicrosecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

Result<double> MeasureOpen(const std::string& path) {
  const auto start = Clock::now();
  for (int i = 0; i < kTimedOpens; ++i) ELM_RETURN_IF_ERROR(Model::Load(path).status());
  return MicrosecondsSince(start) / kTimedOpens;
}

// Walks up the table again and again, each time by name.
Result<std::optional<double>> MeasureSwitch(const std::shared_ptr<const Model>& model) {
  std::vector<std::string> names;
  for (const Level& level : model->levels().levels) names.push_back(LevelName(level.name_permille));
  if (names.size() < 2) return std::optional<double>();
  ELM_ASSIGN_OR_RETURN(const auto session, Session::Create(model, {.level = names.back()}));
  const auto start = Clock::now();
  for (int i = 0; i < kTimedSwitches; ++i) {
    ELM_RETURN_IF_ERROR(session->SetLevel(names[static_cast<size_t>(i) % names.size()]));
  }
  return std::optional<double>(MicrosecondsSince(start) / kTimedSwitches);
}

Result<Timing> MeasureTiming(const std::string& path, const std::shared_ptr<const Model>& model) {
  Timing timing;
  ELM_ASSIGN_OR_RETURN(timing.open_us, MeasureOpen(path));
  ELM_ASSIGN_OR_RETURN(timing.switch_us, MeasureSwitch(model));
  return timing;
}

const char* WeightType(const Model& model) {
  return WeightTypeName(model.bundle().FindTensor(TensorRole::kQuery, 0)->type);
}

std::string TokenizerLine(const Model& model) {
  if (model.bundle().view().tokenizer_model.empty()) return "none";
  const auto tokenizer = model.tokenizer();
  if (!tokenizer.ok()) return tokenizer.status().ToString();
  return StrCat("SentencePiece, ", (*tokenizer)->size(), " pieces");
}

std::string StopIds(const GenerationConfig& generation) {
  std::string ids;
  for (const uint32_t id : generation.stop_ids) ids += StrCat(ids.empty() ? "" : ", ", id);
  return ids.empty() ? "none" : ids;
}

// A session of each level with the model's whole context. Nothing when that is more than an address
// space holds.
std::string MemoryText(const Model& model) {
  std::string text = StrCat("memory in MiB, ", model.config().context, " tokens of context\n",
                            "level     weights  KV cache (f16)  scratch     total\n");
  for (const Level& level : model.levels().levels) {
    const auto estimate = EstimateMemory(model, {.level = LevelName(level.name_permille)});
    if (!estimate.ok()) return "";
    const auto mebibytes = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
    char line[128];
    std::snprintf(line, sizeof(line), "%-8s %8.1f %15.1f %8.1f %9.1f\n",
                  LevelName(level.name_permille).c_str(),
                  mebibytes(estimate->weights + estimate->adapter), mebibytes(estimate->kv_cache),
                  mebibytes(estimate->scratch), mebibytes(estimate->total()));
    text += line;
  }
  return text;
}

std::string AsText(const Model& model) {
  const BundleView& view = model.bundle().view();
  const ModelConfig& config = view.config;
  return StrCat(model.bundle().path(), ": elm ", view.major, ".", view.minor, ", ",
                model.bundle().file_size(), " bytes\n", "layers        ", config.layers, "\n",
                "width         ", config.width, "\n", "query heads   ", config.query_heads, " of ",
                config.head_dim, "\n", "KV heads      ", config.kv_heads, "\n", "neurons       ",
                config.neurons, "\n", "vocabulary    ", config.vocab,
                config.tied_head ? " (tied head)" : "", "\n", "context       ", config.context,
                " tokens\n", "weights       ", WeightType(model), "\n", "tokenizer     ",
                TokenizerLine(model), "\n", "stop ids      ", StopIds(view.generation), "\n",
                ElasticText(view), "\n", LevelTableText(view), "\n", MemoryText(model));
}

std::string TimingText(const Timing& timing, const ProcessMemory& memory) {
  char switch_text[64] = "one level only";
  if (timing.switch_us) {
    std::snprintf(switch_text, sizeof(switch_text), "%.3f us (mean of %d)", *timing.switch_us,
                  kTimedSwitches);
  }
  char text[256];
  std::snprintf(text, sizeof(text),
                "\nopen          %.1f us (mean of %d)\n"
                "level switch  %s\n"
                "resident      %.1f MiB, at most %.1f MiB\n",
                timing.open_us, kTimedOpens, switch_text,
                static_cast<double>(memory.resident) / (1 << 20),
                static_cast<double>(memory.peak_resident) / (1 << 20));
  return text;
}

Json LevelsJson(const Model& model) {
  Json levels = Json::array();
  for (size_t i = 0; i < model.levels().levels.size(); ++i) {
    const Level& level = model.levels().levels[i];
    JsonObject object;
    object.Text("name", LevelName(level.name_permille))
        .Number("true_share", TrueShare(model.config(), level))
        .Count("weight_bytes", model.bundle().LevelBytes(i))
        .Value("layers", LayersJson(level));
    const auto memory = EstimateMemory(model, {.level = LevelName(level.name_permille)});
    if (memory.ok()) {
      object.Value("memory", JsonObject()
                                 .Count("weight_bytes", memory->weights)
                                 .Count("adapter_bytes", memory->adapter)
                                 .Count("kv_cache_bytes", memory->kv_cache)
                                 .Count("scratch_bytes", memory->scratch)
                                 .Take());
    }
    levels.push_back(object.Take());
  }
  return levels;
}

Json AsJson(const Model& model) {
  const BundleView& view = model.bundle().view();
  Json tokenizer_pieces = nullptr;
  if (const auto tokenizer = model.tokenizer(); tokenizer.ok()) {
    tokenizer_pieces = (*tokenizer)->size();
  }
  Json json = JsonObject()
                  .Text("path", model.bundle().path())
                  .Text("version", StrCat(view.major, ".", view.minor))
                  .Count("file_bytes", model.bundle().file_size())
                  .Value("model", ModelJson(view.config))
                  .Text("weights", WeightType(model))
                  .Value("tokenizer_pieces", std::move(tokenizer_pieces))
                  .Value("stop_ids", view.generation.stop_ids)
                  .Value("anchors", view.levels.anchors)
                  .Value("levels", LevelsJson(model))
                  .Take();
  AddElasticJson(view, json);
  return json;
}

void AddTiming(const Timing& timing, const ProcessMemory& memory, Json& json) {
  json["open_us"] = timing.open_us;
  json["switch_us"] = timing.switch_us ? Json(*timing.switch_us) : Json(nullptr);
  json["resident_bytes"] = memory.resident;
  json["peak_resident_bytes"] = memory.peak_resident;
}

Status InfoAboutCpu(const ParsedFlags& flags) {
  if (!flags.arguments().empty() || flags.Has("time")) {
    return InvalidArgument("--cpu is about this machine: it goes with no bundle and no --time");
  }
  const CpuDescription cpu = DescribeCpu();
  return WriteOutput(flags.Has("json") ? CpuJson(cpu) : CpuText(cpu));
}

Status Info(const ParsedFlags& flags) {
  if (flags.Has("cpu")) return InfoAboutCpu(flags);
  ELM_ASSIGN_OR_RETURN(const std::string path, OnlyArgument(flags, "bundle"));
  ELM_ASSIGN_OR_RETURN(const auto model, Model::Load(path));
  std::optional<Timing> timing;
  ProcessMemory memory;
  if (flags.Has("time")) {
    ELM_ASSIGN_OR_RETURN(timing, MeasureTiming(path, model));
    memory = MeasureMemory();
  }
  if (flags.Has("json")) {
    Json json = AsJson(*model);
    if (timing) AddTiming(*timing, memory, json);
    return WriteOutput(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  return WriteOutput(AsText(*model) + (timing ? TimingText(*timing, memory) : ""));
}

}  // namespace

Command InfoCommand() {
  return {
      .name = "info",
      .summary = "shows a bundle's model, levels and tokenizer, or this machine",
      .arguments = "[OPTIONS] MODEL.elm | --cpu",
      .details =
          "A level's true share is what it really keeps of the weights of q, k, v, o, gate, up "
          "and\n"
          "down. The bulk weights are not read: `elm verify` does that.\n"
          "\n"
          "With --cpu, no bundle: the processor, its instruction sets, and which of this build's\n"
          "kernels run on it. The environment variable ELM_FORCE_ISA chooses other kernels.\n"
          "\n"
          "Examples:\n"
          "  elm info model.elm\n"
          "  elm info model.elm --json\n"
          "  elm info model.elm --time\n"
          "  elm info --cpu\n",
      .flags = {{"json", 0, "", "print one JSON object"},
                {"time", 0, "", "measure opening, switching levels and memory on this machine"},
                {"cpu", 0, "", "show this machine instead of a bundle"}},
      .run = Info,
  };
}

}  // namespace elm
