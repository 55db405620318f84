#include "toolchain/base/json_file.h"

#include "formats/base/atomic_file.h"
#include "formats/base/mapped_file.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 30;

}  // namespace

nlohmann::json ReadJsonFile(const std::string& path) {
  const std::string text = ValueOrThrow(ReadFile(path, kMostBytes));
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) throw Error(Corruption(path, ": is not JSON"));
  return json;
}

void WriteJsonFile(const std::string& path, const nlohmann::json& json) {
  ThrowIfError(WriteFileAtomically(path, json.dump(2) + "\n"));
}

void RefuseOtherSchema(const std::string& path, const std::string& schema) {
  const auto text = ReadFile(path, kMostBytes);
  if (!text.ok()) return;
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("schema") || json["schema"] == schema) return;
  throw Error(InvalidArgument(path, ": has schema ", json["schema"].dump(), ", not \"", schema,
                              "\", and would be overwritten; choose another --json"));
}

}  // namespace elm
