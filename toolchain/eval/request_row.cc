#include "toolchain/eval/request_row.h"

#include <algorithm>
#include <span>

namespace elm {
namespace {

// Appends a token behind `parent` and returns its place.
int64_t Append(uint32_t id, int64_t parent, RequestRow& row) {
  const auto place = static_cast<int64_t>(row.ids.size());
  row.ids.push_back(id);
  row.parents.push_back(parent);
  return place;
}

void AddContinuation(std::span<const uint32_t> ids, int64_t prompt_end, bool greedy,
                     RequestRow& row) {
  int64_t place = prompt_end;
  for (size_t i = 0; i < ids.size(); ++i) {
    row.predictions.push_back({place, ids[i]});
    if (greedy) row.greedy_places.push_back(place);
    if (greedy || i + 1 < ids.size()) place = Append(ids[i], place, row);
  }
  if (greedy) row.greedy_places.push_back(place);
}

}  // namespace

RequestRow MakeRequestRow(const ScoringRequest& request) {
  RequestRow row;
  int64_t place = 0;
  for (const uint32_t id : request.prompt) place = Append(id, place, row);
  for (const auto& continuation : request.continuations) {
    AddContinuation(continuation, place, request.greedy, row);
  }
  return row;
}

}  // namespace elm
