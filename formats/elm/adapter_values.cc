#include "formats/elm/adapter_values.h"

#include <vector>

namespace elm {

void DecodeAdapter(const BundleAdapter& adapter, const AdapterTensor& tensor,
                   std::span<float> values) {
  const size_t element_size = DTypeSize(DType::kF16);
  std::vector<std::byte> elements(values.size() * element_size);
  UnpackTiles(tensor.layout, element_size, adapter.bytes.subspan(tensor.offset, tensor.size),
              elements);
  DecodeToFloat(DType::kF16, elements.data(), values);
}

}  // namespace elm
