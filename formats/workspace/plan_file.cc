#include "formats/workspace/plan_file.h"

#include "formats/workspace/hdf5_file.h"

namespace elm {
namespace {

constexpr const char* kKind = "plan";
constexpr uint64_t kVersion = 1;

// One row per layer, all of the same length.
template <typename T>
Status WriteRows(Hdf5Writer& file, const std::string& name,
                 const std::vector<std::vector<T>>& rows) {
  const size_t columns = rows.empty() ? 0 : rows.front().size();
  std::vector<T> flat;
  flat.reserve(rows.size() * columns);
  for (const std::vector<T>& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  return file.WriteDataset(name, flat, {rows.size(), columns});
}

template <typename T>
Result<std::vector<std::vector<T>>> ReadRows(const Hdf5Reader& file, const std::string& name,
                                             uint64_t count, uint64_t columns) {
  ELM_ASSIGN_OR_RETURN(const std::vector<T> flat, file.ReadDataset<T>(name, {count, columns}));
  std::vector<std::vector<T>> rows(count);
  for (size_t i = 0; i < count; ++i) {
    rows[i].assign(flat.begin() + i * columns, flat.begin() + (i + 1) * columns);
  }
  return rows;
}

// One of LayerOrder's lists for all layers.
using OrderList = std::vector<uint32_t> LayerOrder::*;
struct OrderField {
  const char* name;
  OrderList list;
  uint32_t ModelConfig::*units;
};
constexpr OrderField kOrderFields[] = {
    {"order.query_heads", &LayerOrder::query_heads, &ModelConfig::query_heads},
    {"order.kv_heads", &LayerOrder::kv_heads, &ModelConfig::kv_heads},
    {"order.neurons", &LayerOrder::neurons, &ModelConfig::neurons},
};

Status WriteOrder(Hdf5Writer& file, const UnitOrder& order) {
  for (const OrderField& field : kOrderFields) {
    std::vector<std::vector<uint32_t>> rows;
    for (const LayerOrder& layer : order.layers) rows.push_back(layer.*field.list);
    ELM_RETURN_IF_ERROR(WriteRows(file, field.name, rows));
  }
  return Status::Ok();
}

Result<UnitOrder> ReadOrder(const Hdf5Reader& file, const ModelConfig& config) {
  UnitOrder order;
  order.layers.resize(config.layers);
  for (const OrderField& field : kOrderFields) {
    ELM_ASSIGN_OR_RETURN(auto rows,
                         ReadRows<uint32_t>(file, field.name, config.layers, config.*field.units));
    for (size_t i = 0; i < rows.size(); ++i) order.layers[i].*field.list = std::move(rows[i]);
  }
  return order;
}

Status WriteLevels(Hdf5Writer& file, const LevelTable& table) {
  std::vector<uint32_t> names;
  std::vector<uint32_t> slices;
  for (const Level& level : table.levels) {
    names.push_back(level.name_permille);
    for (const LayerSlice& slice : level.layers) {
      slices.insert(slices.end(), {slice.query_heads, slice.kv_heads, slice.neurons});
    }
  }
  ELM_RETURN_IF_ERROR(file.WriteDataset("levels.names", names, {names.size()}));
  ELM_RETURN_IF_ERROR(
      file.WriteDataset("levels.slices", slices, {names.size(), table.kv_of.size(), 3}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("anchors", table.anchors, {table.anchors.size()}));
  return WriteRows(file, "kv_of", table.kv_of);
}

Result<std::vector<Level>> ReadLevels(const Hdf5Reader& file, uint32_t layers) {
  ELM_ASSIGN_OR_RETURN(const Hdf5Shape shape, file.ReadShape("levels.names", 1));
  if (shape[0] > kMaxLevels) {
    return Corruption(file.path(), ": levels.names: has ", shape[0], " levels, expected 1 to ",
                      kMaxLevels);
  }
  ELM_ASSIGN_OR_RETURN(const auto names, file.ReadDataset<uint32_t>("levels.names", shape));
  ELM_ASSIGN_OR_RETURN(const auto slices,
                       file.ReadDataset<uint32_t>("levels.slices", {shape[0], layers, 3}));
  std::vector<Level> levels(names.size());
  const uint32_t* next = slices.data();
  for (size_t i = 0; i < levels.size(); ++i) {
    levels[i].name_permille = names[i];
    for (uint32_t layer = 0; layer < layers; ++layer, next += 3) {
      levels[i].layers.push_back({next[0], next[1], next[2]});
    }
  }
  return levels;
}

Result<LevelTable> ReadLevelTable(const Hdf5Reader& file, const ModelConfig& config) {
  LevelTable table;
  ELM_ASSIGN_OR_RETURN(table.levels, ReadLevels(file, config.layers));
  ELM_ASSIGN_OR_RETURN(table.kv_of,
                       ReadRows<uint16_t>(file, "kv_of", config.layers, config.query_heads));
  ELM_ASSIGN_OR_RETURN(const Hdf5Shape shape, file.ReadShape("anchors", 1));
  ELM_ASSIGN_OR_RETURN(table.anchors, file.ReadDataset<uint32_t>("anchors", shape));
  return table;
}

// The level table and the order tell of the same KV heads.
Status CheckAgreement(const ElasticPlan& plan, const ModelConfig& config) {
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    if (plan.levels.kv_of[layer] != KvOf(plan.order.layers[layer], config)) {
      return Corruption("layer ", layer, ": kv_of contradicts the order of query heads");
    }
  }
  return Status::Ok();
}

}  // namespace

Status SavePlan(const std::string& path, const ElasticPlan& plan) {
  if (plan.levels.kv_of.size() != plan.order.layers.size()) {
    return Internal(path, ": the level table has ", plan.levels.kv_of.size(),
                    " layers, the order has ", plan.order.layers.size());
  }
  ELM_ASSIGN_OR_RETURN(Hdf5Writer file, Hdf5Writer::Create(path, kKind, kVersion));
  ELM_RETURN_IF_ERROR(WriteLevels(file, plan.levels));
  ELM_RETURN_IF_ERROR(WriteOrder(file, plan.order));
  return file.Commit();
}

Result<ElasticPlan> LoadPlan(const std::string& path, const ModelConfig& config) {
  ELM_ASSIGN_OR_RETURN(const Hdf5Reader file, Hdf5Reader::Open(path, kKind, kVersion));
  ElasticPlan plan;
  ELM_ASSIGN_OR_RETURN(plan.levels, ReadLevelTable(file, config));
  ELM_ASSIGN_OR_RETURN(plan.order, ReadOrder(file, config));
  ELM_RETURN_IF_ERROR(Validate(plan.levels, config).In(path));
  ELM_RETURN_IF_ERROR(Validate(plan.order, config).In(path));
  ELM_RETURN_IF_ERROR(CheckAgreement(plan, config).In(path));
  return plan;
}

}  // namespace elm
