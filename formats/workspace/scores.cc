#include "formats/workspace/scores.h"

#include <cmath>

#include "formats/base/checked_math.h"
#include "formats/workspace/hdf5_file.h"

namespace elm {
namespace {

constexpr const char* kMetricNames[kScoreMetrics] = {"sequence", "squared", "token",
                                                     "weight-gradient", "exact"};
constexpr const char* kUnitScoresKind = "unit-scores";
constexpr const char* kLayerScoresKind = "layer-scores";
constexpr uint64_t kVersion = 1;

// One score array of one metric: its name in messages and files, its extents, the values.
template <typename Values>
struct ScoreArray {
  std::string name;  // "token.heads"
  Hdf5Shape shape;   // [layers, units]
  Values* values;
};

// The fifteen arrays of `scores` (const or not), measured or empty.
template <typename Scores>
auto ListArrays(Scores& scores) {
  using Values = std::remove_reference_t<decltype((scores.metrics[0].heads))>;
  std::vector<ScoreArray<Values>> arrays;
  for (int i = 0; i < kScoreMetrics; ++i) {
    auto& metric = scores.metrics[i];
    const std::string name = kMetricNames[i];
    arrays.push_back({name + ".heads", {scores.layers, scores.query_heads}, &metric.heads});
    arrays.push_back({name + ".groups", {scores.layers, scores.kv_heads}, &metric.groups});
    arrays.push_back({name + ".neurons", {scores.layers, scores.neurons}, &metric.neurons});
  }
  return arrays;
}

Status CheckFinite(const std::string& name, const std::vector<double>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return Corruption(name, "[", i, "] is ", values[i], ", expected a finite number");
    }
  }
  return Status::Ok();
}

Status CheckSameExtent(const char* field, uint64_t mine, uint64_t other) {
  if (mine == other) return Status::Ok();
  return InvalidArgument("cannot merge scores: ", field, " is ", mine, " and ", other);
}

Status CheckSameShape(const UnitScores& a, const UnitScores& b) {
  ELM_RETURN_IF_ERROR(CheckSameExtent("layers", a.layers, b.layers));
  ELM_RETURN_IF_ERROR(CheckSameExtent("query_heads", a.query_heads, b.query_heads));
  ELM_RETURN_IF_ERROR(CheckSameExtent("kv_heads", a.kv_heads, b.kv_heads));
  return CheckSameExtent("neurons", a.neurons, b.neurons);
}

void AddTo(const std::vector<double>& terms, std::vector<double>& sums) {
  for (size_t i = 0; i < sums.size(); ++i) sums[i] += terms[i];
}

Result<uint32_t> ReadExtent(const Hdf5Reader& file, const char* field, uint32_t limit) {
  ELM_ASSIGN_OR_RETURN(const uint64_t value, file.ReadInteger(field, limit));
  if (value == 0) return Corruption(file.path(), ": ", field, ": is 0, expected at least 1");
  return static_cast<uint32_t>(value);
}

}  // namespace

const char* ScoreMetricName(ScoreMetric metric) { return kMetricNames[static_cast<int>(metric)]; }

std::optional<ScoreMetric> ParseScoreMetric(std::string_view name) {
  for (int i = 0; i < kScoreMetrics; ++i) {
    if (name == kMetricNames[i]) return static_cast<ScoreMetric>(i);
  }
  return std::nullopt;
}

UnitScores UnitScores::ForModel(const ModelConfig& config) {
  UnitScores scores;
  scores.layers = config.layers;
  scores.query_heads = config.query_heads;
  scores.kv_heads = config.kv_heads;
  scores.neurons = config.neurons;
  return scores;
}

Status UnitScores::Merge(const UnitScores& other) {
  ELM_RETURN_IF_ERROR(CheckSameShape(*this, other));
  if (other.sequences == 0) return Status::Ok();
  if (sequences == 0) {
    *this = other;
    return Status::Ok();
  }
  const auto mine = ListArrays(*this);
  const auto others = ListArrays(other);
  for (size_t i = 0; i < mine.size(); ++i) {
    if (mine[i].values->size() == others[i].values->size()) continue;
    return InvalidArgument("cannot merge scores: only one side has ", mine[i].name,
                           "; profile both with the same options");
  }
  const std::optional<uint64_t> total = CheckedAdd(sequences, other.sequences);
  if (!total) return InvalidArgument("cannot merge scores: too many sequences");
  for (size_t i = 0; i < mine.size(); ++i) AddTo(*others[i].values, *mine[i].values);
  sequences = *total;
  loss_sum += other.loss_sum;
  return Status::Ok();
}

double LayerScores::Importance(uint32_t layer) const {
  return (skipped_loss_sum[layer] - loss_sum) / static_cast<double>(sequences);
}

Status LayerScores::Merge(const LayerScores& other) {
  ELM_RETURN_IF_ERROR(
      CheckSameExtent("layers", skipped_loss_sum.size(), other.skipped_loss_sum.size()));
  const std::optional<uint64_t> total = CheckedAdd(sequences, other.sequences);
  if (!total) return InvalidArgument("cannot merge scores: too many sequences");
  AddTo(other.skipped_loss_sum, skipped_loss_sum);
  sequences = *total;
  loss_sum += other.loss_sum;
  return Status::Ok();
}

Status SaveUnitScores(const std::string& path, const UnitScores& scores) {
  ELM_RETURN_IF_ERROR(CheckFinite(path + ": loss_sum", {scores.loss_sum}));
  ELM_ASSIGN_OR_RETURN(Hdf5Writer file, Hdf5Writer::Create(path, kUnitScoresKind, kVersion));
  ELM_RETURN_IF_ERROR(file.WriteInteger("layers", scores.layers));
  ELM_RETURN_IF_ERROR(file.WriteInteger("query_heads", scores.query_heads));
  ELM_RETURN_IF_ERROR(file.WriteInteger("kv_heads", scores.kv_heads));
  ELM_RETURN_IF_ERROR(file.WriteInteger("neurons", scores.neurons));
  ELM_RETURN_IF_ERROR(file.WriteInteger("sequences", scores.sequences));
  ELM_RETURN_IF_ERROR(file.WriteNumber("loss_sum", scores.loss_sum));
  for (const auto& array : ListArrays(scores)) {
    if (array.values->empty()) continue;
    ELM_RETURN_IF_ERROR(CheckFinite(StrCat(path, ": ", array.name), *array.values));
    ELM_RETURN_IF_ERROR(file.WriteDataset(array.name, *array.values, array.shape));
  }
  return file.Commit();
}

Result<UnitScores> LoadUnitScores(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const Hdf5Reader file, Hdf5Reader::Open(path, kUnitScoresKind, kVersion));
  UnitScores scores;
  ELM_ASSIGN_OR_RETURN(scores.layers, ReadExtent(file, "layers", ModelLimits::kLayers));
  ELM_ASSIGN_OR_RETURN(scores.query_heads, ReadExtent(file, "query_heads", ModelLimits::kHeads));
  ELM_ASSIGN_OR_RETURN(scores.kv_heads, ReadExtent(file, "kv_heads", ModelLimits::kHeads));
  ELM_ASSIGN_OR_RETURN(scores.neurons, ReadExtent(file, "neurons", ModelLimits::kNeurons));
  ELM_ASSIGN_OR_RETURN(scores.sequences, file.ReadInteger("sequences"));
  ELM_ASSIGN_OR_RETURN(scores.loss_sum, file.ReadNumber("loss_sum"));
  ELM_RETURN_IF_ERROR(CheckFinite(path + ": loss_sum", {scores.loss_sum}));
  for (const auto& array : ListArrays(scores)) {
    if (!file.HasDataset(array.name)) continue;
    ELM_ASSIGN_OR_RETURN(*array.values, file.ReadDataset<double>(array.name, array.shape));
    ELM_RETURN_IF_ERROR(CheckFinite(StrCat(path, ": ", array.name), *array.values));
  }
  return scores;
}

Status SaveLayerScores(const std::string& path, const LayerScores& scores) {
  ELM_RETURN_IF_ERROR(CheckFinite(path + ": loss_sum", {scores.loss_sum}));
  ELM_RETURN_IF_ERROR(CheckFinite(path + ": skipped_loss_sum", scores.skipped_loss_sum));
  ELM_ASSIGN_OR_RETURN(Hdf5Writer file, Hdf5Writer::Create(path, kLayerScoresKind, kVersion));
  ELM_RETURN_IF_ERROR(file.WriteInteger("sequences", scores.sequences));
  ELM_RETURN_IF_ERROR(file.WriteNumber("loss_sum", scores.loss_sum));
  ELM_RETURN_IF_ERROR(file.WriteDataset("skipped_loss_sum", scores.skipped_loss_sum,
                                        {scores.skipped_loss_sum.size()}));
  return file.Commit();
}

Result<LayerScores> LoadLayerScores(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const Hdf5Reader file, Hdf5Reader::Open(path, kLayerScoresKind, kVersion));
  LayerScores scores;
  ELM_ASSIGN_OR_RETURN(scores.sequences, file.ReadInteger("sequences"));
  ELM_ASSIGN_OR_RETURN(scores.loss_sum, file.ReadNumber("loss_sum"));
  ELM_ASSIGN_OR_RETURN(const Hdf5Shape shape, file.ReadShape("skipped_loss_sum", 1));
  if (shape[0] == 0 || shape[0] > ModelLimits::kLayers) {
    return Corruption(path, ": skipped_loss_sum: has ", shape[0], " layers, expected 1 to ",
                      ModelLimits::kLayers);
  }
  ELM_ASSIGN_OR_RETURN(scores.skipped_loss_sum,
                       file.ReadDataset<double>("skipped_loss_sum", shape));
  ELM_RETURN_IF_ERROR(CheckFinite(path + ": loss_sum", {scores.loss_sum}));
  ELM_RETURN_IF_ERROR(CheckFinite(path + ": skipped_loss_sum", scores.skipped_loss_sum));
  return scores;
}

}  // namespace elm
