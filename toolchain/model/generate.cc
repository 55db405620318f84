#include "toolchain/model/generate.h"

#include <algorithm>
#include <random>
#include <vector>

#include "toolchain/base/error.h"

namespace elm {
namespace {

// Windows that grow together: enough that reading the weights, or on a GPU the launches, no longer
// dominate a step.
constexpr size_t kBatch = 16;
constexpr size_t kGpuBatch = 64;

// Uniform in [0, 1) from the generator's upper 53 bits; std::uniform_real_distribution differs
// between standard libraries.
double Uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

// The first token whose cumulative probability exceeds `point`; rounding may leave the total below
// it, then the last token that can occur.
uint32_t Pick(const double* probabilities, int64_t vocab, double point) {
  int64_t picked = 0;
  for (int64_t token = 0; token < vocab; ++token) {
    if (probabilities[token] <= 0) continue;
    picked = token;
    point -= probabilities[token];
    if (point < 0) break;
  }
  return static_cast<uint32_t>(picked);
}

// Next tokens [batch] after logits [batch, vocab].
torch::Tensor Sample(const torch::Tensor& logits, double temperature,
                     std::vector<std::mt19937_64>& random) {
  if (temperature == 0) return logits.argmax(-1).cpu();
  const torch::Tensor probabilities =
      torch::softmax(logits.to(torch::kFloat64) / temperature, -1).cpu().contiguous();
  const int64_t vocab = probabilities.size(1);
  torch::Tensor tokens = torch::empty({probabilities.size(0)}, torch::kInt64);
  for (size_t row = 0; row < random.size(); ++row) {
    const double* row_probabilities =
        probabilities.data_ptr<double>() + static_cast<int64_t>(row) * vocab;
    tokens.data_ptr<int64_t>()[row] = Pick(row_probabilities, vocab, Uniform(random[row]));
  }
  return tokens;
}

// Windows [first, first + count), int64 [count, length] on the CPU.
torch::Tensor GenerateBatch(const Llama& model, size_t first, size_t count, uint32_t length,
                            uint32_t bos_id, uint64_t seed, double temperature) {
  std::vector<std::mt19937_64> random;
  for (size_t window = first; window < first + count; ++window) {
    std::seed_seq sequence{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                           static_cast<uint32_t>(window)};
    random.emplace_back(sequence);
  }
  KvCache cache;
  std::vector<torch::Tensor> tokens = {
      torch::full({static_cast<int64_t>(count)}, int64_t{bos_id}, torch::kInt64)};
  while (tokens.size() < length) {
    const torch::Tensor ids = tokens.back().unsqueeze(1).to(model.device());
    const torch::Tensor logits = model.Logits(ids, {.cache = &cache}).squeeze(1);
    tokens.push_back(Sample(logits, temperature, random));
  }
  return torch::stack(tokens, 1).contiguous();
}

}  // namespace

TokenWindows GenerateWindows(const Llama& model, size_t count, uint32_t length, uint32_t bos_id,
                             uint64_t seed, double temperature, const GenerateProgress& progress) {
  const uint32_t context = model.config().context;
  if (length == 0 || length > context) {
    throw Error(InvalidArgument("generated windows have a length of ", length,
                                " tokens, expected 1 to the model's ", context, " positions"));
  }
  if (!(temperature >= 0)) {
    throw Error(InvalidArgument("temperature is ", temperature, ", expected at least 0"));
  }
  torch::NoGradGuard no_grad;
  TokenWindows windows;
  windows.length = length;
  const size_t together = model.device().is_cpu() ? kBatch : kGpuBatch;
  for (size_t first = 0; first < count; first += together) {
    const size_t batch = std::min(together, count - first);
    const torch::Tensor ids = GenerateBatch(model, first, batch, length, bos_id, seed, temperature);
    const int64_t* begin = ids.data_ptr<int64_t>();
    windows.ids.insert(windows.ids.end(), begin, begin + ids.numel());
    if (progress) progress(first + batch, count);
  }
  return windows;
}

}  // namespace elm
