#include "formats/checkpoint/safetensors.h"

#include <algorithm>
#include <string_view>

#include "formats/base/checked_math.h"
#include "formats/base/printable.h"
#include "formats/checkpoint/byte_reader.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr const char* kMetadataKey = "__metadata__";
constexpr size_t kMaxRank = 8;

struct ElementType {
  std::string_view name;
  uint64_t size;  // bytes
};
// Those of the specification that have whole bytes.
constexpr ElementType kElementTypes[] = {{"BOOL", 1},    {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1},
                                         {"F8_E5M2", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
                                         {"BF16", 2},    {"I32", 4}, {"U32", 4}, {"F32", 4},
                                         {"F64", 8},     {"I64", 8}, {"U64", 8}};

const ElementType* FindElementType(std::string_view name) {
  for (const ElementType& type : kElementTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

// An array of whole numbers, or nothing.
std::optional<std::vector<uint64_t>> WholeNumbers(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return std::nullopt;
  std::vector<uint64_t> numbers;
  for (const json& item : *found) {
    if (!item.is_number_unsigned()) return std::nullopt;
    numbers.push_back(item.get<uint64_t>());
  }
  return numbers;
}

// One entry of the header. Whether its offsets meet its neighbours' is checked once all are known.
Result<StoredTensor> ParseEntry(const std::string& name, const json& entry,
                                std::span<const std::byte> data) {
  if (!entry.is_object())
    return Corruption("expected an object with dtype, shape and data_offsets");
  const auto type_name = entry.find("dtype");
  if (type_name == entry.end() || !type_name->is_string()) {
    return Corruption("dtype is missing or no string");
  }
  StoredTensor tensor;
  tensor.name = name;
  tensor.type = type_name->get<std::string>();
  tensor.dtype = ParseDType(tensor.type);
  const ElementType* type = FindElementType(tensor.type);
  if (type == nullptr) return Unsupported("dtype ", Printable(tensor.type), " is not known");
  const std::optional<std::vector<uint64_t>> shape = WholeNumbers(entry, "shape");
  if (!shape || shape->size() > kMaxRank) {
    return Corruption("shape is not an array of at most ", kMaxRank, " whole numbers");
  }
  tensor.shape = *shape;
  const std::optional<std::vector<uint64_t>> offsets = WholeNumbers(entry, "data_offsets");
  if (!offsets || offsets->size() != 2) {
    return Corruption("data_offsets is not an array of 2 whole numbers");
  }
  const uint64_t begin = (*offsets)[0];
  const uint64_t end = (*offsets)[1];
  if (begin > end || end > data.size()) {
    return Corruption("data_offsets are [", begin, ", ", end, "], expected ascending within ",
                      data.size(), " bytes of data; the file is truncated or damaged");
  }
  const std::optional<uint64_t> elements = CheckedProduct(tensor.shape);
  const std::optional<uint64_t> size = elements ? CheckedMul(*elements, type->size) : std::nullopt;
  if (!size) return Corruption("shape ", entry["shape"].dump(), " overflows");
  if (*size != end - begin) {
    return Corruption("shape ", entry["shape"].dump(), " of ", tensor.type, " takes ", *size,
                      " bytes, but data_offsets hold ", end - begin);
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

// The tensors must fill the data from its first byte to its last.
Status CheckCoverage(std::vector<StoredTensor>& tensors, std::span<const std::byte> data) {
  std::sort(tensors.begin(), tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    if (a.bytes.data() != b.bytes.data()) return a.bytes.data() < b.bytes.data();
    if (a.bytes.size() != b.bytes.size()) return a.bytes.size() < b.bytes.size();
    return a.name < b.name;
  });
  uint64_t covered = 0;
  for (const StoredTensor& tensor : tensors) {
    const auto begin = static_cast<uint64_t>(tensor.bytes.data() - data.data());
    if (begin != covered) {
      return Corruption("tensor ", Printable(tensor.name), " begins at ", begin, ", expected ",
                        covered, ": it ", begin < covered ? "overlaps" : "leaves a gap after",
                        " the tensor before it");
    }
    covered += tensor.bytes.size();
  }
  if (covered != data.size()) {
    return Corruption("the tensors end at ", covered, " of ", data.size(),
                      " bytes of data; the file is over-long or damaged");
  }
  return Status::Ok();
}

Result<std::vector<StoredTensor>> ParseTensors(const json& header, std::span<const std::byte> data,
                                               const std::string& file) {
  std::vector<StoredTensor> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadataKey) continue;
    Result<StoredTensor> tensor = ParseEntry(name, entry, data);
    if (!tensor.ok()) return tensor.status().In(StrCat("tensor ", Printable(name)));
    tensor->file = file;
    tensors.push_back(std::move(tensor).value());
  }
  ELM_RETURN_IF_ERROR(CheckCoverage(tensors, data));
  return tensors;
}

struct Container {
  json header;
  std::span<const std::byte> data;
};

Result<Container> ParseContainer(std::span<const std::byte> bytes, const std::string& name) {
  ByteReader reader(bytes);
  const Result<uint64_t> length = reader.Read<uint64_t>("length of the header");
  if (!length.ok()) return length.status().In(name);
  if (*length > kMaxSafetensorsHeader) {
    return Corruption(name, ": header is ", *length, " bytes long, expected at most ",
                      kMaxSafetensorsHeader);
  }
  const Result<std::string_view> text = reader.ReadText("header", *length);
  if (!text.ok()) return text.status().In(name);
  ELM_ASSIGN_OR_RETURN(json header, ParseJson(*text, StrCat(name, ": header")));
  if (!header.is_object()) return Corruption(name, ": header is no JSON object");
  return Container{std::move(header), bytes.subspan(reader.position())};
}

}  // namespace

Result<std::vector<StoredTensor>> ParseSafetensors(std::span<const std::byte> bytes,
                                                   const std::string& name) {
  ELM_ASSIGN_OR_RETURN(const Container container, ParseContainer(bytes, name));
  Result<std::vector<StoredTensor>> tensors = ParseTensors(container.header, container.data, name);
  if (!tensors.ok()) return tensors.status().In(name);
  return tensors;
}

Result<std::map<std::string, std::string>> ParseSafetensorsMetadata(
    std::span<const std::byte> bytes, const std::string& name) {
  ELM_ASSIGN_OR_RETURN(const Container container, ParseContainer(bytes, name));
  std::map<std::string, std::string> metadata;
  const auto found = container.header.find(kMetadataKey);
  if (found == container.header.end()) return metadata;
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) {
      return Corruption(name, ": ", kMetadataKey, ": ", Printable(key), " is no text");
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

bool LooksLikeSafetensors(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  const Result<uint64_t> length = reader.Read<uint64_t>("length of the header");
  if (!length.ok() || *length > kMaxSafetensorsHeader) return false;
  const Result<char> first = reader.Read<char>("header");
  return first.ok() && *first == '{';
}

}  // namespace elm
