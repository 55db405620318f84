#include "formats/checkpoint/byte_reader.h"

namespace elm {

Status ByteReader::CheckRemaining(std::string_view field, uint64_t size) const {
  if (size <= remaining()) return Status::Ok();
  return Corruption(field, " at offset ", position_, " takes ", size, " bytes, but the file has ",
                    remaining(), " left; it is truncated or damaged");
}

Result<std::string_view> ByteReader::ReadText(std::string_view field, uint64_t size) {
  ELM_RETURN_IF_ERROR(CheckRemaining(field, size));
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + position_, size);
  position_ += size;
  return text;
}

Status ByteReader::Skip(std::string_view field, uint64_t size) {
  ELM_RETURN_IF_ERROR(CheckRemaining(field, size));
  position_ += size;
  return Status::Ok();
}

}  // namespace elm
