// How much of the machine a recovery step uses: its matrix products per second over those of plain
// products of the same type, with the same threads, measured in turns.
//
//   recover_benchmark [SHAPE [ROUNDS]]      SHAPE: pocket-4m, 1b, 7b (one layer each of the latter)
//
// One update trains one level of 50 % of the weights: teacher forward, student forward and
// backward. Prints medians over the rounds, and the peak of the process's memory.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "formats/base/proc_bytes.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/model/testing/drawn_model.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/recover/adapter_trainer.h"
#include "toolchain/recover/frozen_llama.h"

namespace elm {
namespace {

struct Shape {
  const char* name;
  ModelConfig config;
  uint32_t batch_tokens;
};

ModelConfig Config(uint32_t layers, uint32_t width, uint32_t heads, uint32_t kv_heads,
                   uint32_t neurons, uint32_t vocab) {
  ModelConfig config;
  config.layers = layers;
  config.width = width;
  config.query_heads = heads;
  config.kv_heads = kv_heads;
  config.head_dim = width / heads;
  config.neurons = neurons;
  config.vocab = vocab;
  config.context = 1024;
  config.tied_head = true;
  return config;
}

const std::vector<Shape>& Shapes() {
  static const std::vector<Shape> shapes = {
      {"pocket-4m", Config(6, 256, 8, 4, 512, 2048), 512},
      {"1b", Config(1, 2048, 32, 4, 5632, 2048), 1024},
      {"7b", Config(1, 4096, 32, 32, 11008, 2048), 1024},
  };
  return shapes;
}

double Seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Multiplications of one update: the teacher's forward pass, the student's, and its way back to the
// inputs; of the head one product of each and the gradient.
double StepProducts(const ModelConfig& config, const Level& level, double rows) {
  double all = 0;
  double kept = 0;
  for (const LayerSlice& slice : level.layers) {
    all += static_cast<double>(
        SliceWeights(config, {config.query_heads, config.kv_heads, config.neurons}));
    kept += static_cast<double>(SliceWeights(config, slice));
  }
  const double head = 3.0 * config.vocab * config.width;
  return rows * (all + 2 * kept + head);
}

// Multiplications per second of products rows x width x neurons, each thread at its own.
double PlainRate(const ModelConfig& config, int64_t rows, torch::Dtype dtype, WorkerPool& pool,
                 int repeats) {
  const torch::Tensor input = torch::randn({rows, config.width}).to(dtype);
  const torch::Tensor weight = torch::randn({config.neurons, config.width}).to(dtype);
  const auto work = [&] {
    pool.ForEach(pool.threads(), [&](size_t, size_t) {
      const torch::NoGradGuard no_grad;
      for (int i = 0; i < repeats; ++i) torch::mm(input, weight.t());
    });
  };
  work();
  const double products =
      static_cast<double>(pool.threads()) * repeats * rows * config.width * config.neurons;
  return products / Seconds(work);
}

int Run(const Shape& shape, int rounds) {
  const ModelConfig& config = shape.config;
  RecoverOptions options = Resolve({.batch_tokens = shape.batch_tokens}, config);
  const size_t threads = ThreadsOrAll(0);
  const torch::Dtype dtype = options.dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32;
  LevelTable table = FullLevelOnly(config);
  const LayerSlice half{config.query_heads / 2, std::max(1U, config.kv_heads / 2),
                        config.neurons / 2};
  table.levels.insert(table.levels.begin(), {500, std::vector<LayerSlice>(config.layers, half)});
  const FrozenLlama model(DrawnLlama(config, dtype), dtype);
  const size_t chosen = 0;
  AdapterTrainer trainer(model, table, {&chosen, 1}, options, nullptr);
  TrainingStep step;
  for (uint32_t part = 0; part < options.accumulate; ++part) {
    MicroBatch& batch = step.parts.emplace_back();
    while (batch.tokens < options.batch_tokens) {
      TrainingExample example;
      for (uint32_t i = 0; i < 129; ++i) example.Add(i * 7 % config.vocab, TokenRole::kDocument);
      batch.Add(example);
    }
  }
  // As the trainer shares its work: narrow layers one thread each, wide ones all together.
  const bool narrow = config.width <= 1024;
  WorkerPool pool(narrow ? threads : 1,
                  [&] { SetTorchThreads(narrow ? 1 : static_cast<int>(threads)); });
  trainer.Update(step, 0.5);
  std::vector<double> shares;
  std::vector<double> steps;
  std::vector<double> rates;
  double rows = 0;
  for (const MicroBatch& part : step.parts) rows += static_cast<double>(part.tokens);
  const double products = StepProducts(config, table.levels[0], rows);
  for (int round = 0; round < rounds; ++round) {
    const double plain = PlainRate(config, shape.batch_tokens, dtype, pool, narrow ? 40 : 4);
    const double seconds = Seconds([&] { trainer.Update(step, 0.5); });
    steps.push_back(seconds);
    rates.push_back(2e-9 * plain);
    shares.push_back(products / seconds / plain);
  }
  std::printf("%s, %s, %zu threads, level of 50 %%, %.0f tokens an update, %d rounds\n", shape.name,
              options.dtype.c_str(), threads, rows, rounds);
  std::printf(
      "update %.1f ms, %.0f tokens/s; plain products %.0f GFLOP/s; training at %.0f %% of "
      "that (%.0f to %.0f)\n",
      1000 * Median(steps), rows / Median(steps), Median(rates), 100 * Median(shares),
      100 * *std::min_element(shares.begin(), shares.end()),
      100 * *std::max_element(shares.begin(), shares.end()));
  if (const auto peak = ProcBytes("/proc/self/status", "VmHWM")) {
    std::printf("peak memory %.0f MiB\n", static_cast<double>(*peak) / (1 << 20));
  }
  return 0;
}

}  // namespace
}  // namespace elm

int main(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "pocket-4m";
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 9;
  for (const elm::Shape& shape : elm::Shapes()) {
    if (wanted == shape.name) return elm::Run(shape, rounds);
  }
  std::fprintf(stderr, "recover_benchmark: no shape \"%s\"; pocket-4m, 1b or 7b\n", wanted.c_str());
  return 2;
}
