// The accuracy section: AccuracyHeader, names of levels, accuracies, standard errors.

#include "formats/base/checked_math.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/section_codec.h"
#include "formats/model/tlm_config.h"

namespace elm {
namespace {

// Every count is below its cap, so nothing can overflow.
uint64_t ListsEnd(const layout::AccuracyHeader& header) {
  const uint64_t names = uint64_t{header.prompt_levels} + header.model_levels;
  return AlignUp(sizeof header + names * sizeof(uint32_t), sizeof(double));
}

uint64_t SectionSize(const layout::AccuracyHeader& header) {
  return ListsEnd(header) +
         uint64_t{2} * header.prompt_levels * header.model_levels * sizeof(double);
}

}  // namespace

std::vector<std::byte> EncodeAccuracy(const AccuracyGrid& grid) {
  layout::AccuracyHeader header{};
  header.prompt_levels = static_cast<uint32_t>(grid.prompt_levels_permille.size());
  header.model_levels = static_cast<uint32_t>(grid.model_levels_permille.size());
  header.items = grid.items;
  std::vector<std::byte> bytes;
  Append(header, bytes);
  AppendAll(grid.prompt_levels_permille, bytes);
  AppendAll(grid.model_levels_permille, bytes);
  bytes.resize(ListsEnd(header));
  AppendAll(grid.accuracy, bytes);
  AppendAll(grid.standard_error, bytes);
  return bytes;
}

Result<AccuracyGrid> ParseAccuracy(std::span<const std::byte> section) {
  if (section.size() < sizeof(layout::AccuracyHeader)) {
    return Corruption("size is ", section.size(), " bytes, expected at least ",
                      sizeof(layout::AccuracyHeader));
  }
  ByteCursor cursor(section);
  const auto header = cursor.Next<layout::AccuracyHeader>();
  if (header.prompt_levels > TlmLimits::kLevels || header.model_levels > TlmLimits::kLevels) {
    return Corruption("prompt_levels is ", header.prompt_levels, " and model_levels ",
                      header.model_levels, ", at most ", TlmLimits::kLevels, " are allowed");
  }
  if (header.reserved != 0) return Corruption("reserved is ", header.reserved, ", expected 0");
  if (section.size() != SectionSize(header)) {
    return Corruption("size is ", section.size(), " bytes, expected ", SectionSize(header), " for ",
                      header.prompt_levels, " x ", header.model_levels, " pairs");
  }
  AccuracyGrid grid;
  grid.items = header.items;
  grid.prompt_levels_permille = cursor.List<uint32_t>(header.prompt_levels);
  grid.model_levels_permille = cursor.List<uint32_t>(header.model_levels);
  if (!cursor.SkipZeros(ListsEnd(header))) return Corruption("padding is not zero");
  const size_t pairs = size_t{header.prompt_levels} * header.model_levels;
  grid.accuracy = cursor.List<double>(pairs);
  grid.standard_error = cursor.List<double>(pairs);
  ELM_RETURN_IF_ERROR(Validate(grid));
  return grid;
}

}  // namespace elm
