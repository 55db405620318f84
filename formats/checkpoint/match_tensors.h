// What a file holds against what a model of its configuration consists of.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"
#include "formats/checkpoint/stored_tensor.h"
#include "formats/model/model_config.h"
#include "formats/model/tensor_list.h"

namespace elm {

using TensorsByName = std::map<std::string, StoredTensor, std::less<>>;

// How one form speaks of tensors.
struct TensorNaming {
  std::string where;        // file or directory, for messages
  std::string config_name;  // where the configuration comes from, for messages
  std::function<std::string(const TensorSpec&)> stored_name;
  // Tensors that carry no weights of the model, such as a stored table of rotary frequencies.
  std::function<bool(std::string_view)> may_ignore;
};

// The tensors of ListTensors(config), in that order; the pointers point into `stored`. Refuses by
// name: a missing tensor, one that does not belong to the model, one of an element type other than
// F32, F16 and BF16, one of another shape than the configuration implies.
Result<std::vector<const StoredTensor*>> MatchTensors(const TensorsByName& stored,
                                                      const ModelConfig& config,
                                                      const TensorNaming& naming);

// Both exist and hold the same bits in the same type and shape.
bool SameTensor(const TensorsByName& stored, std::string_view a, std::string_view b);

}  // namespace elm
