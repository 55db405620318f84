#include "formats/checkpoint/gguf.h"

#include <algorithm>
#include <bit>
#include <set>
#include <string_view>

#include "formats/base/checked_math.h"
#include "formats/base/printable.h"
#include "formats/checkpoint/byte_reader.h"

namespace elm {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr uint32_t kNewestVersion = 3;
// Real files have some hundred pairs, and nine tensors a layer. A tensor has at most four
// dimensions.
constexpr uint64_t kMaxPairs = 1U << 16;
constexpr uint64_t kMaxTensors = 1U << 16;
constexpr uint32_t kMaxRank = 4;
constexpr uint64_t kMaxKey = 65535;
constexpr int kMaxArrayDepth = 4;
constexpr uint32_t kDefaultAlignment = 32;
constexpr uint32_t kMaxAlignment = 1U << 20;

enum ValueType : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
};

// The names of element types by number, for messages; empty where a number was withdrawn.
constexpr std::string_view kTensorTypes[] = {
    "F32",   "F16",        "Q4_0",       "Q4_1",       "",         "",         "Q5_0",
    "Q5_1",  "Q8_0",       "Q8_1",       "Q2_K",       "Q3_K",     "Q4_K",     "Q5_K",
    "Q6_K",  "Q8_K",       "IQ2_XXS",    "IQ2_XS",     "IQ3_XXS",  "IQ1_S",    "IQ4_NL",
    "IQ3_S", "IQ2_S",      "IQ4_XS",     "I8",         "I16",      "I32",      "I64",
    "F64",   "IQ1_M",      "BF16",       "Q4_0_4_4",   "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",
    "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4"};

std::string TensorTypeName(uint32_t type) {
  if (type < std::size(kTensorTypes) && !kTensorTypes[type].empty()) {
    return std::string(kTensorTypes[type]);
  }
  return StrCat("number ", type);
}

// Offsets are known only once all records have been read.
struct TensorRecord {
  StoredTensor tensor;
  uint64_t offset = 0;  // bytes, in the data
  uint64_t size = 0;    // bytes
};

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& name)
      : bytes_(bytes), name_(name), reader_(bytes) {}

  Result<GgufFile> Parse() {
    GgufFile file;
    ELM_ASSIGN_OR_RETURN(file.version, ReadVersion());
    version_ = file.version;
    ELM_ASSIGN_OR_RETURN(const uint64_t tensors, ReadCount("number of tensors", kMaxTensors));
    ELM_ASSIGN_OR_RETURN(const uint64_t pairs, ReadCount("number of key-value pairs", kMaxPairs));
    for (uint64_t i = 0; i < pairs; ++i) ELM_RETURN_IF_ERROR(ReadPair(file.metadata));
    std::vector<TensorRecord> records;
    for (uint64_t i = 0; i < tensors; ++i) ELM_RETURN_IF_ERROR(ReadTensorRecord(records));
    ELM_ASSIGN_OR_RETURN(const uint64_t alignment, Alignment(file.metadata));
    ELM_ASSIGN_OR_RETURN(file.tensors, PlaceTensors(std::move(records), alignment));
    return file;
  }

 private:
  Result<uint32_t> ReadVersion() {
    ELM_ASSIGN_OR_RETURN(const std::string_view magic,
                         reader_.ReadText("magic number", kMagic.size()));
    if (magic != kMagic) return Corruption("begins with ", Printable(magic), ", expected \"GGUF\"");
    ELM_ASSIGN_OR_RETURN(const uint32_t version, reader_.Read<uint32_t>("version"));
    if (version != 0 && (version & 0xFFFFU) == 0) {
      return Unsupported("big-endian, but only little-endian GGUF files are read");
    }
    if (version == 0 || version > kNewestVersion) {
      return Unsupported("GGUF version ", version, ", expected 1 to ", kNewestVersion);
    }
    return version;
  }

  // Counts and lengths: 32 bits in version 1, 64 bits since.
  Result<uint64_t> ReadLength(std::string_view field) {
    if (version_ > 1) return reader_.Read<uint64_t>(field);
    ELM_ASSIGN_OR_RETURN(const uint32_t length, reader_.Read<uint32_t>(field));
    return uint64_t{length};
  }

  Result<uint64_t> ReadCount(std::string_view field, uint64_t limit) {
    ELM_ASSIGN_OR_RETURN(const uint64_t count, ReadLength(field));
    if (count > limit) return Corruption(field, " is ", count, ", expected at most ", limit);
    return count;
  }

  Result<std::string_view> ReadString(std::string_view field) {
    ELM_ASSIGN_OR_RETURN(const uint64_t length, ReadLength(field));
    return reader_.ReadText(field, length);
  }

  Status ReadPair(GgufMetadata& metadata) {
    ELM_ASSIGN_OR_RETURN(const std::string_view key_text, ReadString("key"));
    const std::string key(key_text);
    if (key.empty() || key.size() > kMaxKey) {
      return Corruption("a key is ", key.size(), " bytes long, expected 1 to ", kMaxKey);
    }
    if (metadata.Has(key)) return Corruption("key ", Printable(key), " occurs twice");
    const std::string field = "metadata " + Printable(key);
    ELM_ASSIGN_OR_RETURN(const uint32_t type, reader_.Read<uint32_t>(field));
    ELM_ASSIGN_OR_RETURN(GgufValue value, ReadValue(field, type, 0));
    metadata.Add(key, std::move(value));
    return Status::Ok();
  }

  template <typename Stored, typename Wide>
  Result<GgufValue> ReadNumber(std::string_view field) {
    ELM_ASSIGN_OR_RETURN(const Stored value, reader_.Read<Stored>(field));
    return GgufValue(static_cast<Wide>(value));
  }

  Result<GgufValue> ReadValue(std::string_view field, uint32_t type, int depth) {
    switch (type) {
      case kUint8:
        return ReadNumber<uint8_t, uint64_t>(field);
      case kInt8:
        return ReadNumber<int8_t, int64_t>(field);
      case kUint16:
        return ReadNumber<uint16_t, uint64_t>(field);
      case kInt16:
        return ReadNumber<int16_t, int64_t>(field);
      case kUint32:
        return ReadNumber<uint32_t, uint64_t>(field);
      case kInt32:
        return ReadNumber<int32_t, int64_t>(field);
      case kFloat32:
        return ReadNumber<float, double>(field);
      case kUint64:
        return ReadNumber<uint64_t, uint64_t>(field);
      case kInt64:
        return ReadNumber<int64_t, int64_t>(field);
      case kFloat64:
        return ReadNumber<double, double>(field);
      case kBool:
        return ReadBool(field);
      case kString: {
        ELM_ASSIGN_OR_RETURN(const std::string_view text, ReadString(field));
        return GgufValue(std::string(text));
      }
      case kArray:
        return ReadArray(field, depth);
      default:
        return Corruption(field, " is of the unknown type ", type);
    }
  }

  Result<GgufValue> ReadBool(std::string_view field) {
    ELM_ASSIGN_OR_RETURN(const uint8_t value, reader_.Read<uint8_t>(field));
    if (value > 1) return Corruption(field, " is ", int{value}, ", expected 0 or 1");
    return GgufValue(value == 1);
  }

  Result<GgufValue> ReadArray(std::string_view field, int depth) {
    if (depth == kMaxArrayDepth) return Corruption(field, " nests arrays too deeply");
    ELM_ASSIGN_OR_RETURN(const uint32_t type, reader_.Read<uint32_t>(field));
    ELM_ASSIGN_OR_RETURN(const uint64_t count, ReadLength(field));
    // Every element takes a byte at least.
    if (count > reader_.remaining()) {
      return Corruption(field, " has ", count, " elements, but the file has ", reader_.remaining(),
                        " bytes left");
    }
    for (uint64_t i = 0; i < count; ++i) {
      ELM_ASSIGN_OR_RETURN(const GgufValue element, ReadValue(field, type, depth + 1));
    }
    return GgufValue(GgufArray{count});
  }

  Status ReadTensorRecord(std::vector<TensorRecord>& records) {
    ELM_ASSIGN_OR_RETURN(const std::string_view tensor_name, ReadString("name of a tensor"));
    TensorRecord record;
    record.tensor.name = tensor_name;
    record.tensor.file = name_;
    if (!names_.insert(record.tensor.name).second) {
      return Corruption("tensor ", Printable(tensor_name), " occurs twice");
    }
    ELM_RETURN_IF_ERROR(ReadTensorFields(record).In("tensor " + Printable(tensor_name)));
    records.push_back(std::move(record));
    return Status::Ok();
  }

  Status ReadTensorFields(TensorRecord& record) {
    ELM_ASSIGN_OR_RETURN(const uint32_t rank, reader_.Read<uint32_t>("rank"));
    if (rank > kMaxRank)
      return Corruption("has ", rank, " dimensions, expected at most ", kMaxRank);
    for (uint32_t i = 0; i < rank; ++i) {
      ELM_ASSIGN_OR_RETURN(const uint64_t extent, ReadLength("shape"));
      record.tensor.shape.insert(record.tensor.shape.begin(), extent);  // stored innermost first
    }
    ELM_ASSIGN_OR_RETURN(const uint32_t type, reader_.Read<uint32_t>("type"));
    record.tensor.type = TensorTypeName(type);
    record.tensor.dtype = ParseDType(record.tensor.type);
    if (!record.tensor.dtype) {
      return Unsupported("is of type ", record.tensor.type,
                         ", expected F32, F16 or BF16; convert the original checkpoint without "
                         "quantisation");
    }
    ELM_ASSIGN_OR_RETURN(record.offset, reader_.Read<uint64_t>("offset"));
    const std::optional<uint64_t> elements = CheckedProduct(record.tensor.shape);
    const std::optional<uint64_t> size =
        elements ? CheckedMul(*elements, DTypeSize(*record.tensor.dtype)) : std::nullopt;
    if (!size) return Corruption("its shape overflows");
    record.size = *size;
    return Status::Ok();
  }

  static Result<uint64_t> Alignment(const GgufMetadata& metadata) {
    ELM_ASSIGN_OR_RETURN(const uint32_t alignment,
                         metadata.Count("general.alignment", kDefaultAlignment));
    if (!std::has_single_bit(alignment) || alignment > kMaxAlignment) {
      return Corruption("metadata general.alignment is ", alignment,
                        ", expected a power of two up to ", kMaxAlignment);
    }
    return uint64_t{alignment};
  }

  // Each tensor begins at the first aligned offset behind the one before it, and the last one ends
  // the file, but for padding.
  Result<std::vector<StoredTensor>> PlaceTensors(std::vector<TensorRecord> records,
                                                 uint64_t alignment) {
    std::sort(records.begin(), records.end(), [](const TensorRecord& a, const TensorRecord& b) {
      return a.offset != b.offset ? a.offset < b.offset : a.size < b.size;
    });
    const uint64_t data_begin = AlignUp(reader_.position(), alignment);
    if (data_begin > bytes_.size()) {
      return Corruption("ends before its tensor data at ", data_begin, "; it is truncated");
    }
    const std::span<const std::byte> data = bytes_.subspan(data_begin);
    std::vector<StoredTensor> tensors;
    uint64_t end = 0;
    for (TensorRecord& record : records) {
      const uint64_t expected = AlignUp(end, alignment);
      if (record.offset != expected) {
        return Corruption("tensor ", Printable(record.tensor.name), " begins at ", record.offset,
                          ", expected ", expected, ": it ",
                          record.offset < expected ? "overlaps" : "leaves a gap after",
                          " the tensor before it");
      }
      if (!RangeFits(record.offset, record.size, data.size())) {
        return Corruption("tensor ", Printable(record.tensor.name), " takes ", record.size,
                          " bytes at ", record.offset, ", but there are ", data.size(),
                          " bytes of data; the file is truncated or damaged");
      }
      record.tensor.bytes = data.subspan(record.offset, record.size);
      end = record.offset + record.size;
      tensors.push_back(std::move(record.tensor));
    }
    if (data.size() != end && data.size() != AlignUp(end, alignment)) {
      return Corruption("the tensors end at ", end, " of ", data.size(),
                        " bytes of data; the file is over-long or damaged");
    }
    return tensors;
  }

  std::span<const std::byte> bytes_;
  const std::string& name_;
  ByteReader reader_;
  uint32_t version_ = 0;
  std::set<std::string> names_;
};

}  // namespace

Result<GgufFile> ParseGguf(std::span<const std::byte> bytes, const std::string& name) {
  Result<GgufFile> file = Parser(bytes, name).Parse();
  if (!file.ok()) return file.status().In(name);
  return file;
}

bool LooksLikeGguf(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  const Result<std::string_view> magic = reader.ReadText("magic number", kMagic.size());
  return magic.ok() && *magic == kMagic;
}

}  // namespace elm
