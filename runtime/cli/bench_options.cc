#include "runtime/cli/bench_options.h"

#include <algorithm>
#include <utility>

#include "runtime/cli/memory_flags.h"
#include "runtime/cli/threads_flag.h"
#include "runtime/cli/token_counts.h"

namespace elm {
namespace {

constexpr uint32_t kUsualPrefill = 512;
constexpr uint32_t kUsualDecode = 64;
constexpr uint32_t kUsualRepeats = 5;
constexpr uint32_t kMostRepeats = 1000;

template <typename T>
void AddOnce(std::vector<T>& values, const T& value) {
  if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
}

// Nothing where the option is absent.
Result<std::optional<std::vector<uint32_t>>> ReadCounts(const ParsedFlags& flags,
                                                        const std::string& name) {
  using Counts = std::optional<std::vector<uint32_t>>;
  if (!flags.Has(name)) return Counts();
  ELM_ASSIGN_OR_RETURN(std::vector<uint32_t> counts, ReadTokenCounts(flags, name));
  return Counts(std::move(counts));
}

Result<BenchFormat> ReadFormat(const ParsedFlags& flags) {
  const std::string name = flags.Text("output", "md");
  if (name == "md") return BenchFormat::kMarkdown;
  if (name == "json") return BenchFormat::kJson;
  if (name == "csv") return BenchFormat::kCsv;
  return InvalidArgument("--output is \"", name, "\", expected md, json or csv");
}

Result<AdapterUse> ReadAdapters(const ParsedFlags& flags) {
  const bool without = flags.Has("no-adapters");
  const std::string name = flags.Text("adapters", without ? "off" : "on");
  if (without && name != "off") {
    return InvalidArgument("--no-adapters contradicts --adapters ", name, ": give one of them");
  }
  for (const AdapterUse use : {AdapterUse::kOn, AdapterUse::kOff, AdapterUse::kBoth}) {
    if (name == AdapterUseName(use)) return use;
  }
  return InvalidArgument("--adapters is \"", name, "\", expected on, off or both");
}

Result<std::vector<size_t>> FindLevels(const std::vector<std::string>& names,
                                       const LevelTable& levels) {
  std::vector<size_t> found;
  for (const std::string& name : names) {
    ELM_ASSIGN_OR_RETURN(const size_t level, FindLevel(levels, name));
    AddOnce(found, level);
  }
  for (size_t i = 0; names.empty() && i < levels.levels.size(); ++i) found.push_back(i);
  return found;
}

// Both branches together and each alone.
Status AddTlmTests(const BenchOptions& options, const TlmConfig* tlm, BenchPlan& plan) {
  using Kind = BenchTest::Kind;
  if (tlm == nullptr) {
    if (!options.tlm || options.tlm->empty()) return Status::Ok();
    return InvalidArgument("--tlm: the bundle has no tiny LM");
  }
  const std::vector<uint32_t> usual = {std::min(kUsualPrefill, tlm->positions)};
  for (const uint32_t tokens : options.tlm.value_or(usual)) {
    if (tokens > tlm->positions) {
      return InvalidArgument("--tlm: a window holds ", tlm->positions, " tokens, not ", tokens);
    }
    for (const Kind kind : {Kind::kTlm, Kind::kTlmScore, Kind::kTlmDecision}) {
      plan.tests.push_back({kind, tokens});
    }
  }
  return Status::Ok();
}

}  // namespace

std::vector<Flag> BenchFlags() {
  return {
      {"prompt", 'p', "COUNTS", "prefill so many tokens, e.g. 64,512 (default 512; 0: do not)"},
      {"generate", 'n', "COUNTS", "decode so many tokens (default 64; 0: do not)"},
      {"tlm", 0, "COUNTS", "windows of the tiny LM (default 512 where there is one; 0: do not)"},
      {"levels", 'l', "NAMES", "all (default), or names with commas between, e.g. 0.5,1.0"},
      ThreadsFlag(),
      {"repeats", 'r', "COUNT", "measure everything so often (default 5)"},
      {"context", 'c', "COUNT", "most tokens to hold (default: what the longest test needs)"},
      {"adapters", 0, "USE", "on (default), off, or both in turn, to see what they cost"},
      {"no-adapters", 0, "", "the same as --adapters off"},
      KvFlag(),
      NoMmapFlag(),
      {"output", 'o', "FORMAT", "md (default), json or csv"},
  };
}

Result<BenchOptions> ReadBenchOptions(const ParsedFlags& flags) {
  BenchOptions options;
  ELM_ASSIGN_OR_RETURN(options.prefill, ReadCounts(flags, "prompt"));
  ELM_ASSIGN_OR_RETURN(options.decode, ReadCounts(flags, "generate"));
  ELM_ASSIGN_OR_RETURN(options.tlm, ReadCounts(flags, "tlm"));
  const bool no_prefill = options.prefill && options.prefill->empty();
  const bool no_decode = options.decode && options.decode->empty();
  const bool tlm = options.tlm && !options.tlm->empty();
  if (no_prefill && no_decode && !tlm) {
    return InvalidArgument("--prompt and --generate are both 0: nothing is left to measure");
  }
  if (flags.Text("levels", "all") != "all") {
    options.levels = SplitAtCommas(flags.Text("levels", ""));
  }
  ELM_ASSIGN_OR_RETURN(options.adapters, ReadAdapters(flags));
  options.copy_weights = flags.Has("no-mmap");
  ELM_ASSIGN_OR_RETURN(options.kv, ReadKv(flags));
  ELM_ASSIGN_OR_RETURN(options.threads, ReadThreads(flags));
  ELM_ASSIGN_OR_RETURN(const uint64_t repeats,
                       flags.Number("repeats", kUsualRepeats, kMostRepeats));
  if (repeats == 0) return InvalidArgument("--repeats is 0, expected 1 to ", kMostRepeats);
  options.repeats = static_cast<uint32_t>(repeats);
  ELM_ASSIGN_OR_RETURN(const uint64_t context, flags.Number("context", 0, ModelLimits::kContext));
  options.context = static_cast<uint32_t>(context);
  ELM_ASSIGN_OR_RETURN(options.format, ReadFormat(flags));
  return options;
}

Result<BenchPlan> PlanBench(const BenchOptions& options, const ModelConfig& config,
                            const LevelTable& levels, const TlmConfig* tlm) {
  BenchPlan plan;
  ELM_ASSIGN_OR_RETURN(plan.levels, FindLevels(options.levels, levels));
  plan.threads = options.threads;
  plan.adapters = options.adapters;
  plan.kv = options.kv;
  plan.repeats = options.repeats;
  if (options.context > config.context) {
    return InvalidArgument("--context is ", options.context, ", the model's is ", config.context);
  }
  const uint32_t most = options.context == 0 ? config.context : options.context;
  const std::vector<uint32_t> usual_prefill = {std::min(kUsualPrefill, most)};
  const std::vector<uint32_t> usual_decode = {std::min(kUsualDecode, most)};
  for (const uint32_t tokens : options.prefill.value_or(usual_prefill)) {
    plan.tests.push_back({BenchTest::Kind::kPrefill, tokens});
  }
  for (const uint32_t tokens : options.decode.value_or(usual_decode)) {
    plan.tests.push_back({BenchTest::Kind::kDecode, tokens});
  }
  for (const BenchTest& test : plan.tests) {
    if (test.tokens > most) {
      return InvalidArgument(test.name(), " takes ", test.tokens, " tokens, the context holds ",
                             most);
    }
    plan.context = std::max(plan.context, test.tokens);
  }
  if (options.context != 0) plan.context = options.context;
  ELM_RETURN_IF_ERROR(AddTlmTests(options, tlm, plan));
  return plan;
}

}  // namespace elm
