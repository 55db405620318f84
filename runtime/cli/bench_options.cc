#include "runtime/cli/bench_options.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/cli/memory_flags.h"
#include "runtime/cli/threads_flag.h"

namespace elm {
namespace {

constexpr uint32_t kUsualPrefill = 512;
constexpr uint32_t kUsualDecode = 64;
constexpr uint32_t kUsualRepeats = 5;
constexpr uint32_t kMostRepeats = 1000;

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const size_t comma = text.find(',');
    words.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return words;
    text.remove_prefix(comma + 1);
  }
}

template <typename T>
void AddOnce(std::vector<T>& values, const T& value) {
  if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
}

// Nothing for what is no whole number from 0 to what a context can hold.
std::optional<uint32_t> ParseTokens(const std::string& word) {
  uint32_t tokens = 0;
  const char* end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, tokens);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  if (tokens > ModelLimits::kContext) return std::nullopt;
  return tokens;
}

// "64,512"; "0" is an empty list.
Result<std::optional<std::vector<uint32_t>>> ReadCounts(const ParsedFlags& flags,
                                                        const std::string& name) {
  using Counts = std::optional<std::vector<uint32_t>>;
  if (!flags.Has(name)) return Counts();
  const std::string text = flags.Text(name, "");
  std::vector<uint32_t> counts;
  for (const std::string& word : SplitAtCommas(text)) {
    const auto count = ParseTokens(word);
    if (!count || (*count == 0 && text != "0")) {
      return InvalidArgument("--", name, " is \"", text,
                             "\", expected numbers of tokens between commas, or 0");
    }
    if (*count > 0) AddOnce(counts, *count);
  }
  return Counts(std::move(counts));
}

Result<BenchFormat> ReadFormat(const ParsedFlags& flags) {
  const std::string name = flags.Text("output", "md");
  if (name == "md") return BenchFormat::kMarkdown;
  if (name == "json") return BenchFormat::kJson;
  if (name == "csv") return BenchFormat::kCsv;
  return InvalidArgument("--output is \"", name, "\", expected md, json or csv");
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

}  // namespace

std::vector<Flag> BenchFlags() {
  return {
      {"prompt", 'p', "COUNTS", "prefill so many tokens, e.g. 64,512 (default 512; 0: do not)"},
      {"generate", 'n', "COUNTS", "decode so many tokens (default 64; 0: do not)"},
      {"levels", 'l', "NAMES", "all (default), or names with commas between, e.g. 0.5,1.0"},
      ThreadsFlag(),
      {"repeats", 'r', "COUNT", "measure everything so often (default 5)"},
      {"context", 'c', "COUNT", "most tokens to hold (default: what the longest test needs)"},
      {"no-adapters", 0, "", "leave the levels' adapters out"},
      KvFlag(),
      NoMmapFlag(),
      {"output", 'o', "FORMAT", "md (default), json or csv"},
  };
}

Result<BenchOptions> ReadBenchOptions(const ParsedFlags& flags) {
  BenchOptions options;
  ELM_ASSIGN_OR_RETURN(options.prefill, ReadCounts(flags, "prompt"));
  ELM_ASSIGN_OR_RETURN(options.decode, ReadCounts(flags, "generate"));
  const bool no_prefill = options.prefill && options.prefill->empty();
  const bool no_decode = options.decode && options.decode->empty();
  if (no_prefill && no_decode) {
    return InvalidArgument("--prompt and --generate are both 0: nothing is left to measure");
  }
  if (flags.Text("levels", "all") != "all") {
    options.levels = SplitAtCommas(flags.Text("levels", ""));
  }
  options.adapters = !flags.Has("no-adapters");
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
                            const LevelTable& levels) {
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
  return plan;
}

}  // namespace elm
