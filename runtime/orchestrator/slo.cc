#include "runtime/orchestrator/slo.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <system_error>

#include "formats/base/printable.h"

namespace elm {
namespace {

constexpr const char* kForm = "expected for example ttft=40%,tpot=70% or ttft=300ms,tpot=40ms";

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

struct UnitName {
  std::string_view suffix;
  SloBound::Unit unit;
  double times;
  double divided_by;  // 70 / 100 is 0.7 to the last bit, 70 * 0.01 is not
};
// "ms" before "s", which it ends with.
constexpr UnitName kUnits[] = {{"%", SloBound::Unit::kShare, 1, 100},
                               {"ms", SloBound::Unit::kMilliseconds, 1, 1},
                               {"s", SloBound::Unit::kMilliseconds, 1000, 1}};

Status ValidateBound(const char* name, const SloBound& bound) {
  const bool share = bound.unit == SloBound::Unit::kShare;
  const double most = share ? kMaxSloShare : kMaxSloMs;
  if (bound.value > 0 && bound.value <= most) return Status::Ok();
  const double scale = share ? 100 : 1;
  const char* unit = share ? " %" : " ms";
  return InvalidArgument("SLO: ", name, " is ", scale * bound.value, unit,
                         ", expected more than 0 and at most ", scale * most, unit);
}

Result<SloBound> ParseBound(const char* name, std::string_view text) {
  for (const UnitName& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    const std::string_view number = Trimmed(text.substr(0, text.size() - unit.suffix.size()));
    double value = 0;
    const char* end = number.data() + number.size();
    const auto parsed = std::from_chars(number.data(), end, value);
    if (number.empty() || parsed.ec != std::errc() || parsed.ptr != end) break;
    const SloBound bound{value * unit.times / unit.divided_by, unit.unit};
    ELM_RETURN_IF_ERROR(ValidateBound(name, bound));
    return bound;
  }
  return InvalidArgument("SLO: ", name, " is ", Printable(text),
                         ", expected a number with %, ms or s, such as 40% or 300ms");
}

std::string BoundText(const SloBound& bound) {
  const bool share = bound.unit == SloBound::Unit::kShare;
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g%s", share ? 100 * bound.value : bound.value,
                share ? "%" : "ms");
  return text;
}

}  // namespace

Result<Slo> ParseSlo(std::string_view text) {
  Slo slo;
  for (std::string_view rest = text;;) {
    const size_t comma = rest.find(',');
    const std::string_view term = Trimmed(rest.substr(0, comma));
    const size_t equals = term.find('=');
    const std::string_view name = Trimmed(term.substr(0, equals));
    if (equals == std::string_view::npos || (name != "ttft" && name != "tpot")) {
      return InvalidArgument("SLO: ", Printable(term), " is no bound, ", kForm);
    }
    const bool first = name == "ttft";
    std::optional<SloBound>& bound = first ? slo.ttft : slo.tpot;
    if (bound) return InvalidArgument("SLO: ", name, " is given twice, ", kForm);
    ELM_ASSIGN_OR_RETURN(bound,
                         ParseBound(first ? "ttft" : "tpot", Trimmed(term.substr(equals + 1))));
    if (comma == std::string_view::npos) return slo;
    rest.remove_prefix(comma + 1);
  }
}

Status Validate(const Slo& slo) {
  if (slo.ttft) ELM_RETURN_IF_ERROR(ValidateBound("ttft", *slo.ttft));
  if (slo.tpot) ELM_RETURN_IF_ERROR(ValidateBound("tpot", *slo.tpot));
  return Status::Ok();
}

std::string SloText(const Slo& slo) {
  std::string text;
  if (slo.ttft) text += "ttft=" + BoundText(*slo.ttft);
  if (slo.ttft && slo.tpot) text += ',';
  if (slo.tpot) text += "tpot=" + BoundText(*slo.tpot);
  return text;
}

}  // namespace elm
