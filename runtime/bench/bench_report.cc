#include "runtime/bench/bench_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace elm {
namespace {

using Json = nlohmann::ordered_json;
using Cells = std::vector<std::string>;

constexpr double kGiga = 1e9;
constexpr double kMega = 1e6;
constexpr double kMebibyte = 1 << 20;

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string Percent(double share) { return Fixed(100 * share, 1) + " %"; }

bool IsDecode(const BenchRow& row) { return row.test.kind == BenchTest::Kind::kDecode; }

const Level& LevelOf(const BenchReport& report, const BenchRow& row) {
  return report.model.levels().levels[row.level];
}

std::string LevelNameOf(const BenchReport& report, const BenchRow& row) {
  return row.test.is_tlm() ? "" : LevelName(LevelOf(report, row).name_permille);
}

bool MeasuredBoth(const BenchReport& report) {
  return report.result.plan.adapters == AdapterUse::kBoth;
}

const char* AdaptersText(const BenchReport& report) {
  if (report.model.bundle().view().adapters.empty()) return "";
  switch (report.result.plan.adapters) {
    case AdapterUse::kOn:
      return ", with adapters";
    case AdapterUse::kOff:
      return ", without adapters";
    case AdapterUse::kBoth:
      break;
  }
  return ", with and without adapters in turn";
}

// The same level and test without its adapter, or nullptr where that was not measured.
const BenchRow* WithoutAdapter(const BenchResult& result, const BenchRow& row) {
  if (!row.adapter) return nullptr;
  for (const BenchRow& other : result.rows) {
    if (!other.adapter && other.level == row.level && other.test == row.test) return &other;
  }
  return nullptr;
}

// Neighbours in time are compared, so what changes from repeat to repeat cancels out.
std::optional<Spread> AdapterOverhead(const BenchResult& result, const BenchRow& row) {
  const BenchRow* without = WithoutAdapter(result, row);
  if (without == nullptr) return std::nullopt;
  std::vector<double> overheads;
  for (size_t i = 0; i < row.samples.size(); ++i) {
    overheads.push_back(row.samples[i].seconds / without->samples[i].seconds - 1);
  }
  return SpreadOf(overheads);
}

// "q4", or "q4 97.1 %, f16 2.9 %" where not all matrices are alike.
std::string TypesText(const WeightSummary& weights) {
  if (weights.types.size() == 1) return WeightTypeName(weights.main_type);
  std::string text;
  for (const auto& [type, share] : weights.types) {
    text += StrCat(text.empty() ? "" : ", ", WeightTypeName(type), " ", Percent(share));
  }
  return text;
}

// What the probe found in all repeats. The levels of a test share its samples.
struct ProbeSpread {
  Spread bytes_per_second;
  Spread operations_per_second;
};

ProbeSpread ProbeSpreadOf(const BenchResult& result) {
  std::vector<double> bytes, operations;
  const BenchTest* test = nullptr;
  for (const BenchRow& row : result.rows) {
    if (test != nullptr && *test == row.test) continue;
    test = &row.test;
    for (const BenchSample& sample : row.samples) {
      bytes.push_back(sample.probe.read_bytes_per_second);
      operations.push_back(sample.probe.operations_per_second);
    }
  }
  return {SpreadOf(bytes), SpreadOf(operations)};
}

std::string SpreadText(const Spread& spread, double unit, const char* unit_name) {
  return StrCat(Fixed(spread.median / unit, 1), " ", unit_name, " (p10 ",
                Fixed(spread.p10 / unit, 1), ", p90 ", Fixed(spread.p90 / unit, 1), ")");
}

// Columns of equal width, so that it reads well unrendered: the first two left-aligned.
std::string MarkdownTable(const std::vector<Cells>& rows) {
  constexpr size_t kLeftAligned = 2;
  std::vector<size_t> widths(rows.front().size(), 3);
  for (const Cells& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Cells& row : rows) {
    text += "|";
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      text += i < kLeftAligned ? StrCat(" ", row[i], padding, " |")
                               : StrCat(" ", padding, row[i], " |");
    }
    text += "\n";
    if (&row != &rows.front()) continue;
    text += "|";
    for (size_t i = 0; i < row.size(); ++i) {
      text += i < kLeftAligned ? std::string(widths[i] + 2, '-') + "|"
                               : std::string(widths[i] + 1, '-') + ":|";
    }
    text += "\n";
  }
  return text;
}

std::string CountText(const char* what, uint64_t count) {
  return StrCat(count, " ", what, count == 1 ? "" : "s");
}

std::string Heading(const BenchReport& report) {
  const WeightSummary weights = SummariseWeights(report.model.bundle().view());
  const ProbeSpread probe = ProbeSpreadOf(report.result);
  const BenchPlan& plan = report.result.plan;
  const auto file_bytes = static_cast<double>(report.model.bundle().file_size());
  return StrCat("- machine: ", report.cpu.name, ", ", CountText("core", report.cores), "; ",
                report.kernels.name, " (", report.kernels.description, "), ",
                CountText("thread", plan.threads), "\n", "- model: ", report.model.bundle().path(),
                ": ", Fixed(static_cast<double>(weights.weights) / kMega, 1), " M weights, ",
                TypesText(weights), ", ", Fixed(weights.bits_per_weight, 2), " bits per weight, ",
                Fixed(file_bytes / kMebibyte, 1), " MiB\n", "- probe: reads ",
                SpreadText(probe.bytes_per_second, kGiga, "GB/s"), ", ",
                OperationName(report.kernels, weights.main_type), " ",
                SpreadText(probe.operations_per_second, kGiga, "Gop/s"), "\n", "- medians of ",
                CountText("repeat", report.result.repeats), " after a warm-up, context ",
                plan.context, " tokens", AdaptersText(report), "\n\n");
}

// Nothing for a level that has none.
const char* AdapterText(const BenchReport& report, const BenchRow& row) {
  if (row.test.is_tlm()) return "";
  if (row.adapter) return "with";
  return AdapterOf(report.model.bundle().view(), row.level) == nullptr ? "" : "without";
}

// "3.1 % (2.5 to 4.0)": the median, p10 and p90.
std::string OverheadText(const BenchFigures& figures) {
  if (!figures.adapter_overhead) return "";
  const Spread& overhead = *figures.adapter_overhead;
  return StrCat(Percent(overhead.median), " (", Fixed(100 * overhead.p10, 1), " to ",
                Fixed(100 * overhead.p90, 1), ")");
}

Cells MarkdownRow(const BenchReport& report, const BenchRow& row) {
  const BenchFigures figures = FiguresOf(report, row);
  const Spread& speed = figures.tokens_per_second;
  const bool decode = IsDecode(row);
  const auto token_bytes = static_cast<double>(figures.work.token_bytes);
  Cells cells = {row.test.name(),
                 LevelNameOf(report, row),
                 Fixed(speed.median, 2),
                 Fixed(speed.p10, 2),
                 Fixed(speed.p90, 2),
                 Fixed(figures.ms_per_token, 3),
                 decode ? Fixed(token_bytes / kMega, 1) : "",
                 decode ? Fixed(figures.bytes_per_second / kGiga, 1) : "",
                 decode ? Percent(figures.bandwidth_share) : "",
                 Percent(figures.operations_share)};
  if (MeasuredBoth(report)) {
    cells.push_back(AdapterText(report, row));
    cells.push_back(OverheadText(figures));
  }
  return cells;
}

Json SpreadJson(const Spread& spread) {
  return {{"median", spread.median}, {"p10", spread.p10}, {"p90", spread.p90}};
}

const char* KindText(const BenchTest& test) {
  if (test.is_tlm()) return "tiny LM";
  return test.kind == BenchTest::Kind::kDecode ? "decode" : "prefill";
}

Json RowJson(const BenchReport& report, const BenchRow& row) {
  const BenchFigures figures = FiguresOf(report, row);
  const bool decode = IsDecode(row);
  Json seconds = Json::array();
  for (const BenchSample& sample : row.samples) seconds.push_back(sample.seconds);
  return {
      {"test", row.test.name()},
      {"kind", KindText(row.test)},
      {"tokens", row.test.tokens},
      {"level", row.test.is_tlm() ? Json(nullptr) : Json(LevelNameOf(report, row))},
      {"true_share", row.test.is_tlm()
                         ? Json(nullptr)
                         : Json(TrueShare(report.model.config(), LevelOf(report, row)))},
      {"adapter", row.adapter},
      {"adapter_overhead",
       figures.adapter_overhead ? SpreadJson(*figures.adapter_overhead) : Json(nullptr)},
      {"tokens_per_second", SpreadJson(figures.tokens_per_second)},
      {"ms_per_token", figures.ms_per_token},
      {"weight_bytes_per_token", decode ? Json(figures.work.token_bytes) : Json(nullptr)},
      {"weight_bytes_per_second", decode ? Json(figures.bytes_per_second) : Json(nullptr)},
      {"share_of_read_bandwidth", decode ? Json(figures.bandwidth_share) : Json(nullptr)},
      {"share_of_operations", figures.operations_share},
      {"seconds", std::move(seconds)},
  };
}

Json BundleJson(const BenchReport& report, const WeightSummary& weights) {
  Json types = Json::object();
  for (const auto& [type, share] : weights.types) types[WeightTypeName(type)] = share;
  return {
      {"path", report.model.bundle().path()}, {"file_bytes", report.model.bundle().file_size()},
      {"weights", weights.weights},           {"weight_type", WeightTypeName(weights.main_type)},
      {"weight_types", std::move(types)},     {"bits_per_weight", weights.bits_per_weight}};
}

Json ProbeJson(const BenchReport& report, const WeightSummary& weights) {
  const ProbeSpread probe = ProbeSpreadOf(report.result);
  return {{"threads", report.result.plan.threads},
          {"read_bytes_per_second", SpreadJson(probe.bytes_per_second)},
          {"operation", OperationName(report.kernels, weights.main_type)},
          {"operations_per_second", SpreadJson(probe.operations_per_second)}};
}

// Quoted where it must be (RFC 4180).
std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + "\"";
}

std::string CsvLine(const Cells& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (!line.empty()) line += ',';
    line += CsvCell(cell);
  }
  return line + "\n";
}

Cells CsvRow(const BenchReport& report, const WeightSummary& weights, const ProbeSpread& probe,
             const BenchRow& row) {
  const BenchFigures figures = FiguresOf(report, row);
  const Spread& speed = figures.tokens_per_second;
  const std::optional<Spread>& overhead = figures.adapter_overhead;
  const bool decode = IsDecode(row);
  return {row.test.name(),
          LevelNameOf(report, row),
          row.test.is_tlm() ? "" : Fixed(TrueShare(report.model.config(), LevelOf(report, row)), 6),
          Fixed(speed.median, 4),
          Fixed(speed.p10, 4),
          Fixed(speed.p90, 4),
          Fixed(figures.ms_per_token, 6),
          decode ? StrCat(figures.work.token_bytes) : "",
          decode ? Fixed(figures.bytes_per_second, 0) : "",
          decode ? Fixed(figures.bandwidth_share, 4) : "",
          Fixed(figures.operations_share, 4),
          row.adapter ? "1" : "0",
          StrCat(report.result.repeats),
          StrCat(report.result.plan.threads),
          report.kernels.name,
          WeightTypeName(weights.main_type),
          Fixed(weights.bits_per_weight, 3),
          Fixed(probe.bytes_per_second.median, 0),
          Fixed(probe.operations_per_second.median, 0),
          report.cpu.name,
          report.model.bundle().path(),
          overhead ? Fixed(overhead->median, 4) : "",
          overhead ? Fixed(overhead->p10, 4) : "",
          overhead ? Fixed(overhead->p90, 4) : ""};
}

double OperationsOf(const BenchReport& report, const BenchRow& row, const LevelWork& work) {
  using Kind = BenchTest::Kind;
  const uint64_t tokens = row.test.tokens;
  if (!row.test.is_tlm()) return work.Operations(tokens, IsDecode(row) ? tokens : 1);
  return TlmOperations(report.model.bundle().view().tlm->settings.config, tokens,
                       row.test.kind != Kind::kTlmDecision, row.test.kind != Kind::kTlmScore);
}

}  // namespace

BenchFigures FiguresOf(const BenchReport& report, const BenchRow& row) {
  BenchFigures figures;
  figures.work = WorkOf(report.model.bundle().view(), row.level, row.adapter);
  const bool decode = IsDecode(row);
  const uint64_t tokens = row.test.tokens;
  const double operations = OperationsOf(report, row, figures.work);
  const auto token_bytes = static_cast<double>(figures.work.token_bytes);
  std::vector<double> speeds, bandwidth_shares, operation_shares;
  for (const BenchSample& sample : row.samples) {
    const double speed = static_cast<double>(tokens) / sample.seconds;
    speeds.push_back(speed);
    bandwidth_shares.push_back(token_bytes * speed / sample.probe.read_bytes_per_second);
    operation_shares.push_back(operations / sample.seconds / sample.probe.operations_per_second);
  }
  figures.tokens_per_second = SpreadOf(speeds);
  figures.ms_per_token = 1000 / figures.tokens_per_second.median;
  figures.operations_share = SpreadOf(operation_shares).median;
  figures.adapter_overhead = AdapterOverhead(report.result, row);
  if (!decode) return figures;
  figures.bytes_per_second = token_bytes * figures.tokens_per_second.median;
  figures.bandwidth_share = SpreadOf(bandwidth_shares).median;
  return figures;
}

std::string BenchMarkdown(const BenchReport& report) {
  std::vector<Cells> rows = {{"test", "level", "tokens/s", "p10", "p90", "ms/token", "MB/token",
                              "GB/s", "of memory", "of peak"}};
  if (MeasuredBoth(report)) {
    rows.front().push_back("adapter");
    rows.front().push_back("overhead");
  }
  for (const BenchRow& row : report.result.rows) rows.push_back(MarkdownRow(report, row));
  return Heading(report) + MarkdownTable(rows);
}

std::string BenchJson(const BenchReport& report) {
  const WeightSummary weights = SummariseWeights(report.model.bundle().view());
  const BenchPlan& plan = report.result.plan;
  Json rows = Json::array();
  for (const BenchRow& row : report.result.rows) rows.push_back(RowJson(report, row));
  const Json json = {
      {"schema", kBenchSchema},
      {"schema_version", kBenchSchemaVersion},
      {"elm_version", report.program_version},
      {"machine",
       {{"cpu", report.cpu.name},
        {"cores", report.cores},
        {"kernels", report.kernels.name},
        {"threads", plan.threads}}},
      {"model", BundleJson(report, weights)},
      {"context", plan.context},
      {"adapters", AdapterUseName(plan.adapters)},
      {"repeats", report.result.repeats},
      {"interrupted", report.result.repeats < plan.repeats},
      {"probe", ProbeJson(report, weights)},
      {"rows", std::move(rows)},
  };
  // A path may be anything; everything else is ours.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string BenchCsv(const BenchReport& report) {
  const WeightSummary weights = SummariseWeights(report.model.bundle().view());
  const ProbeSpread probe = ProbeSpreadOf(report.result);
  std::string text = CsvLine({"test",
                              "level",
                              "true_share",
                              "tokens_per_second",
                              "tokens_per_second_p10",
                              "tokens_per_second_p90",
                              "ms_per_token",
                              "weight_bytes_per_token",
                              "weight_bytes_per_second",
                              "share_of_read_bandwidth",
                              "share_of_operations",
                              "adapter",
                              "repeats",
                              "threads",
                              "kernels",
                              "weight_type",
                              "bits_per_weight",
                              "read_bytes_per_second",
                              "operations_per_second",
                              "cpu",
                              "path",
                              "adapter_overhead",
                              "adapter_overhead_p10",
                              "adapter_overhead_p90"});
  for (const BenchRow& row : report.result.rows) {
    text += CsvLine(CsvRow(report, weights, probe, row));
  }
  return text;
}

}  // namespace elm
