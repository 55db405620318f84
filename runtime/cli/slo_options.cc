#include "runtime/cli/slo_options.h"

#include <limits>
#include <utility>

#include "formats/base/mapped_file.h"

namespace elm {
namespace {

constexpr uint64_t kLargestPromptFile = uint64_t{64} << 20;

Status AddFile(const ParsedFlags& flags, const std::string& name, PartRole role,
               std::vector<PromptPart>& parts) {
  for (const std::string& path : flags.Texts(name)) {
    ELM_ASSIGN_OR_RETURN(std::string text, ReadPromptFile(path));
    parts.push_back({role, std::move(text)});
  }
  return Status::Ok();
}

}  // namespace

std::vector<Flag> SloFlags() {
  return {
      {"slo", 0, "BOUNDS", "what is demanded: ttft=40%,tpot=70% or ttft=300ms,tpot=40ms"},
      {"latency", 0, "FILE",
       "the latency table to decide by (default: MODEL.elm.lat.json, else the bundle's reference)"},
      {"system", 0, "FILE",
       "who the model is; reaches it unchanged but for the file's last line end"},
      {"instructions", 0, "FILE", "what to do; reaches it like --system"},
      {"context", 0, "FILE", "what may be shortened; may be given more than once",
       /*repeats=*/true},
      {"question", 0, "TEXT", "what is asked; reaches the model byte for byte"},
      {"force", 0, "TEXT", "keep TEXT wherever it stands in a context; may be given more than once",
       /*repeats=*/true},
      {"no-warm-up", 0, "", "do not touch the weights before the clock starts"},
  };
}

Result<SloRequest> ReadSloRequest(const ParsedFlags& flags, GenerateOptions generate) {
  SloRequest request;
  ELM_ASSIGN_OR_RETURN(request.slo, ParseSlo(flags.Text("slo", "")));
  const std::string question = flags.Text("question", "");
  if (question.empty()) {
    return InvalidArgument(flags.Has("question") ? "--question is empty" : "--question is missing",
                           ", expected what the model is to answer");
  }
  ELM_RETURN_IF_ERROR(AddFile(flags, "system", PartRole::kSystem, request.parts));
  ELM_RETURN_IF_ERROR(AddFile(flags, "instructions", PartRole::kInstructions, request.parts));
  ELM_RETURN_IF_ERROR(AddFile(flags, "context", PartRole::kContext, request.parts));
  request.parts.push_back({PartRole::kQuestion, question});
  request.forced = flags.Texts("force");
  request.generate = std::move(generate);
  return request;
}

Result<uint32_t> ReadCount(const ParsedFlags& flags, const std::string& name, uint32_t otherwise) {
  constexpr uint32_t kAnyCount = std::numeric_limits<uint32_t>::max();
  ELM_ASSIGN_OR_RETURN(const uint64_t value, flags.Number(name, otherwise, kAnyCount));
  return static_cast<uint32_t>(value);
}

Result<std::string> ReadPromptFile(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kLargestPromptFile));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace elm
