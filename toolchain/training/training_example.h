// One sequence to train on.
#pragma once

#include <cstdint>
#include <vector>

namespace elm {

// What a token is to the loss of predicting it.
enum class TokenRole : uint8_t {
  kIgnored,   // no loss: the first token, padding, random pieces
  kContext,   // instructions, context, question: the configured lower weight
  kAnswer,    // an answer with the line end behind it, a repeated piece: weight 1
  kDocument,  // a plain document: weight 1
};

struct TrainingExample {
  std::vector<int64_t> ids;
  std::vector<TokenRole> roles;  // per id

  void Add(const std::vector<uint32_t>& more, TokenRole role) {
    ids.insert(ids.end(), more.begin(), more.end());
    roles.resize(ids.size(), role);
  }
  void Add(uint32_t id, TokenRole role) { Add(std::vector<uint32_t>{id}, role); }
  // Rows of a batch that it takes: every token but the last predicts the next one.
  int64_t rows() const { return static_cast<int64_t>(ids.size()) - 1; }
};

// An endless list of examples. Pure: the same index gives the same example. Thread-safe.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;
  virtual TrainingExample Make(uint64_t index) const = 0;
};

}  // namespace elm
