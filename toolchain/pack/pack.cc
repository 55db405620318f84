#include "toolchain/pack/pack.h"

#include <algorithm>
#include <vector>

#include "formats/model/unit_order.h"
#include "toolchain/base/error.h"

namespace elm {

BundleContents DescribeBundle(const Checkpoint& checkpoint, const ElasticPlan& plan,
                              const PackOptions& options) {
  BundleContents contents;
  contents.config = checkpoint.config();
  contents.levels = plan.levels;
  contents.generation = options.generation;
  contents.tokenizer_model = options.tokenizer_model;
  contents.provenance_json = options.provenance_json;
  contents.weights = options.weights;
  contents.vocabulary = options.vocabulary;
  contents.group = options.group;
  if (options.tlm) {
    contents.tlm = TlmContents{options.tlm->settings, WeightType::kF16, options.group};
    contents.accuracy = options.tlm->accuracy;
    contents.reference_latency = options.tlm->reference;
  }
  for (const AdapterToPack& adapter : options.adapters) contents.adapters.push_back(adapter.spec);
  return contents;
}

void PackBundle(const Checkpoint& checkpoint, const ElasticPlan& plan, const PackOptions& options,
                const std::string& path, const WriteProgress& progress) {
  const ModelConfig& config = checkpoint.config();
  std::vector<float> original;
  const TensorSource source = [&](const TensorSpec& spec, std::span<float> values) -> Status {
    ELM_ASSIGN_OR_RETURN(const size_t index, checkpoint.Find(spec.name));
    const TensorPermutation permutation = PermutationOf(spec, plan.order, config);
    if (permutation.indices.empty()) return checkpoint.ReadFloat(index, values);
    original.resize(values.size());
    ELM_RETURN_IF_ERROR(checkpoint.ReadFloat(index, original));
    Permute(spec, permutation, original, values);
    return Status::Ok();
  };
  size_t next = 0;  // value of the adapter that is being written
  const AdapterSource adapters = [&](size_t index, const AdapterTensor& tensor,
                                     std::span<float> values) -> Status {
    const std::vector<float>& all = options.adapters[index].values;
    if (tensor.offset == 0) next = 0;
    if (values.size() > all.size() - next) {
      return Internal("the adapter of level ", options.adapters[index].spec.level, " has ",
                      all.size(), " values, too few for its matrices");
    }
    std::copy_n(all.begin() + static_cast<ptrdiff_t>(next), values.size(), values.begin());
    next += values.size();
    return Status::Ok();
  };
  size_t next_tlm_tensor = 0;
  const TlmSource tlm = [&](const TlmTensorSpec& spec, std::span<float> values) -> Status {
    const std::vector<float>& stored = options.tlm->tensors[next_tlm_tensor++];
    if (stored.size() != values.size()) {
      return Internal("the tiny LM's ", TlmTensorName(spec), " has ", stored.size(),
                      " values, expected ", values.size());
    }
    std::copy(stored.begin(), stored.end(), values.begin());
    return Status::Ok();
  };
  ThrowIfError(WriteBundle(path, DescribeBundle(checkpoint, plan, options), source, progress,
                           options.quantiser, adapters, tlm));
}

}  // namespace elm
