#include "runtime/kernels/cpu_info.h"

#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace elm {
namespace {

// x86, then Arm: what kernels could use, today or some day.
constexpr const char* kInstructionSets[] = {
    "sse4_2",   "avx",      "f16c",     "fma",         "avx2",        "avx_vnni",    "avx512f",
    "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8",
    "amx_bf16", "asimd",    "fphp",     "asimdhp",     "asimddp",     "asimdfhm",    "i8mm",
    "bf16",     "sve",      "sve2",     "svei8mm",     "sme",         "sme2"};

std::string Trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The first value of every key.
std::map<std::string, std::string> ReadFields(const std::string& path) {
  std::map<std::string, std::string> fields;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    fields.emplace(Trimmed(line.substr(0, colon)), Trimmed(line.substr(colon + 1)));
  }
  return fields;
}

std::string NameOf(const std::map<std::string, std::string>& fields) {
  for (const char* key : {"model name", "Hardware", "Processor"}) {
    const auto found = fields.find(key);
    if (found != fields.end() && !found->second.empty()) return found->second;
  }
  // Arm has numbers only: 0x41 is Arm itself, the part is the design.
  const auto maker = fields.find("CPU implementer");
  const auto part = fields.find("CPU part");
  if (maker == fields.end() || part == fields.end()) return "unknown processor";
  return "implementer " + maker->second + ", part " + part->second;
}

}  // namespace

CpuInfo ReadCpuInfo(const std::string& path) {
  const auto fields = ReadFields(path);
  std::set<std::string> words;
  for (const char* key : {"flags", "Features"}) {
    const auto found = fields.find(key);
    if (found == fields.end()) continue;
    std::istringstream list(found->second);
    for (std::string word; list >> word;) words.insert(word);
  }
  CpuInfo info;
  info.name = NameOf(fields);
  for (const char* name : kInstructionSets) {
    if (words.contains(name)) info.instruction_sets.emplace_back(name);
  }
  return info;
}

}  // namespace elm
