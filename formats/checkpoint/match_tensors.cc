#include "formats/checkpoint/match_tensors.h"

#include <cstring>
#include <set>

#include "formats/base/printable.h"

namespace elm {
namespace {

constexpr size_t kMostNamed = 3;  // names in one message

std::string ShapeText(const std::vector<uint64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += StrCat(i == 0 ? "" : ", ", shape[i]);
  return text + "]";
}

std::string ListNames(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < kMostNamed; ++i) {
    text += StrCat(i == 0 ? "" : ", ", Printable(names[i]));
  }
  if (names.size() > kMostNamed) text += StrCat(" and ", names.size() - kMostNamed, " more");
  return text;
}

std::vector<uint64_t> ExpectedShape(const TensorSpec& spec) {
  if (spec.is_vector()) return {spec.columns};
  return {spec.rows, spec.columns};
}

Status CheckTensor(const StoredTensor& tensor, const TensorSpec& spec, const TensorNaming& naming) {
  const std::string where = StrCat(tensor.file, ": tensor ", Printable(tensor.name));
  if (!tensor.dtype) {
    return Unsupported(where, " is of type ", Printable(tensor.type),
                       ", expected F32, F16 or BF16; convert the checkpoint to one of these");
  }
  if (tensor.shape != ExpectedShape(spec)) {
    return Corruption(where, " has shape ", ShapeText(tensor.shape), ", but ", naming.config_name,
                      " implies ", ShapeText(ExpectedShape(spec)));
  }
  return Status::Ok();
}

Status CheckNoSurplus(const TensorsByName& stored, const std::set<std::string>& wanted,
                      const TensorNaming& naming) {
  std::vector<std::string> surplus;
  for (const auto& [name, tensor] : stored) {
    if (!wanted.contains(name) && !naming.may_ignore(name)) surplus.push_back(name);
  }
  if (surplus.empty()) return Status::Ok();
  return Unsupported(naming.where, ": ", ListNames(surplus), surplus.size() == 1 ? " does" : " do",
                     " not belong to a model of this configuration");
}

}  // namespace

Result<std::vector<const StoredTensor*>> MatchTensors(const TensorsByName& stored,
                                                      const ModelConfig& config,
                                                      const TensorNaming& naming) {
  std::vector<const StoredTensor*> matched;
  std::vector<std::string> missing;
  std::set<std::string> wanted;
  for (const TensorSpec& spec : ListTensors(config)) {
    const std::string name = naming.stored_name(spec);
    wanted.insert(name);
    const auto found = stored.find(name);
    if (found == stored.end()) {
      missing.push_back(name);
      continue;
    }
    ELM_RETURN_IF_ERROR(CheckTensor(found->second, spec, naming));
    matched.push_back(&found->second);
  }
  if (!missing.empty()) {
    return Corruption(naming.where, ": ", ListNames(missing),
                      missing.size() == 1 ? " is missing" : " are missing");
  }
  ELM_RETURN_IF_ERROR(CheckNoSurplus(stored, wanted, naming));
  return matched;
}

bool SameTensor(const TensorsByName& stored, std::string_view a, std::string_view b) {
  const auto first = stored.find(a);
  const auto second = stored.find(b);
  if (first == stored.end() || second == stored.end()) return false;
  const StoredTensor& x = first->second;
  const StoredTensor& y = second->second;
  return x.type == y.type && x.shape == y.shape && x.bytes.size() == y.bytes.size() &&
         (x.bytes.empty() || std::memcmp(x.bytes.data(), y.bytes.data(), x.bytes.size()) == 0);
}

}  // namespace elm
