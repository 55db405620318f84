// One layer of a large model, really profiled and really recovered, and what follows from it for
// the whole: peak memory and time beside the plan of `elmc prepare --dry-run`.
//
//   layer_benchmark [SHAPE [ROUNDS [DEVICE [LAYERS]]]]
//     SHAPE: one of `elmc synth`, default llama-7b; DEVICE: cpu, cuda or cuda:N
//
// Everything is measured with one layer and with LAYERS of them (2), random weights, the shape's
// own vocabulary: the difference is a layer, what is left is embedding, head and loss. So a whole
// model needs no memory for its weights here; with LAYERS all of them (32 for llama-7b) it is there
// and measured whole. Times are medians over the rounds, memory is the peak of the process, or of
// the device's tensors, above what it held before.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "formats/base/proc_bytes.h"
#include "toolchain/base/error.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/base/quantities.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/eval/repeat_statistics.h"
#include "toolchain/eval/text_table.h"
#include "toolchain/model/testing/drawn_model.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pack/synthesize.h"
#include "toolchain/pipeline/dry_run.h"
#include "toolchain/pipeline/prepare.h"
#include "toolchain/profile/profile.h"
#include "toolchain/recover/adapter_trainer.h"
#include "toolchain/recover/frozen_llama.h"
#include "toolchain/training/bf16_kernels.h"

namespace elm {
namespace {

constexpr uint32_t kHalf = 500;

struct Cost {
  double seconds = 0;  // median
  double bytes = 0;    // most of the rounds, above what was there before

  Cost operator+(const Cost& other) const { return {seconds + other.seconds, bytes + other.bytes}; }
  Cost operator-(const Cost& other) const { return {seconds - other.seconds, bytes - other.bytes}; }
  Cost operator*(double factor) const { return {seconds * factor, bytes * factor}; }
};

// Of the device's tensors, or of the process where the processor computes; nothing of a GPU before
// LibTorch 2.11.
DeviceMemory MemoryOf(torch::Device device) {
  if (!device.is_cpu()) return DeviceMemoryOf(device).value_or(DeviceMemory{});
  const auto bytes = [](const char* field) {
    return ProcBytes("/proc/self/status", field).value_or(0);
  };
  return {bytes("VmRSS"), bytes("VmHWM")};
}

void ForgetPeak(torch::Device device) {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";  // Linux forgets the peak so far
  ForgetDevicePeak(device);
}

Cost Measure(torch::Device device, int rounds, const std::function<void()>& work) {
  work();  // warms up: oneDNN compiles its kernels, a device loads its own
  WaitForDevice(device);
  std::vector<double> seconds;
  Cost cost;
  for (int round = 0; round < rounds; ++round) {
    ForgetPeak(device);
    const uint64_t before = MemoryOf(device).current;
    const auto start = std::chrono::steady_clock::now();
    work();
    WaitForDevice(device);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    const uint64_t peak = MemoryOf(device).peak;
    cost.bytes = std::max(cost.bytes, static_cast<double>(peak - std::min(peak, before)));
  }
  cost.seconds = MedianOf(seconds);
  return cost;
}

// What is measured of a model of so many layers.
struct Costs {
  uint32_t layers = 0;
  Cost gates;         // gradients of all gates on one batch of windows
  Cost forward;       // the loss of that batch, without gradients
  Cost teacher;       // hidden states of one micro-batch
  Cost update;        // one update of one level, activations kept
  Cost update_again;  // the same with --recover-checkpoint-layers
};

LevelTable HalfLevel(const ModelConfig& config) {
  LevelTable table = FullLevelOnly(config);
  const LayerSlice half{config.query_heads / 2, std::max(1U, config.kv_heads / 2),
                        config.neurons / 2};
  table.levels.insert(table.levels.begin(), {kHalf, std::vector<LayerSlice>(config.layers, half)});
  return table;
}

TrainingStep MakeStep(const RecoverOptions& options, const ModelConfig& config) {
  TrainingStep step;
  for (uint32_t part = 0; part < options.accumulate; ++part) {
    MicroBatch& batch = step.parts.emplace_back();
    while (batch.tokens < options.batch_tokens) {
      TrainingExample example;
      for (uint32_t i = 0; i < 129; ++i) example.Add(i * 7 % config.vocab, TokenRole::kDocument);
      batch.Add(example);
    }
  }
  return step;
}

TokenWindows MakeWindows(const PrepareOptions& options, const ModelConfig& config) {
  TokenWindows windows;
  windows.length = options.window_tokens;
  for (uint32_t i = 0; i < options.batch * options.window_tokens; ++i) {
    windows.ids.push_back(i * 11 % config.vocab);
  }
  return windows;
}

Costs MeasureLayers(const RunShape& shape, uint32_t layers, int rounds) {
  ModelConfig config = shape.config;
  config.layers = layers;
  const torch::Device device(shape.options.device);
  RecoverOptions options = Resolve(RecoverOptionsOf(shape.options), config);
  const torch::Dtype dtype = shape.element() == 2 ? torch::kBFloat16 : torch::kFloat32;
  const Llama model = DrawnLlama(config, dtype, device);
  Costs costs;
  costs.layers = layers;
  const TokenWindows windows = MakeWindows(shape.options, config);
  const ProfileOptions profile{.batch = shape.options.batch};
  costs.gates =
      Measure(device, rounds, [&] { ProfileUnits(model, windows, 0, windows.count(), profile); });
  costs.forward = Measure(device, rounds, [&] {
    const torch::NoGradGuard no_grad;
    model.SequenceLoss(WindowBatch(windows, 0, windows.count(), model.device()));
  });

  const FrozenLlama frozen(model, options.dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32);
  const LevelTable table = HalfLevel(config);
  const size_t chosen = 0;
  const TrainingStep step = MakeStep(options, config);
  const BatchTensors batch = ToTensors(step.parts[0], config, 1.0, 1.0, frozen.device());
  costs.teacher = Measure(device, rounds, [&] {
    const torch::NoGradGuard no_grad;
    frozen.Hidden(batch.ids, batch.layout, {});
  });
  for (const bool again : {false, true}) {
    options.checkpoint_layers = again;
    AdapterTrainer trainer(frozen, table, {&chosen, 1}, options, nullptr);
    (again ? costs.update_again : costs.update) =
        Measure(device, rounds, [&] { trainer.Update(step, 0.5); });
  }
  return costs;
}

class Report {
 public:
  Report(const RunShape& shape, const Costs& one, const Costs& more, const DryRun& plan)
      : shape_(shape), one_(one), more_(more), plan_(plan), layers_(shape.config.layers) {}

  void Print() const {
    std::printf("%s, %s, on %s, %zu threads; 1 and %u layers measured, random weights\n",
                shape_.name.c_str(), shape_.options.dtype.c_str(), shape_.options.device.c_str(),
                ThreadsOrAll(shape_.options.threads), more_.layers);
    PrintMeasured();
    PrintWhole();
    std::printf("the plan: elmc prepare --shape %s --dry-run --device %s --dtype %s, %s\n",
                shape_.name.c_str(), shape_.options.device.c_str(), shape_.options.dtype.c_str(),
                plan_.speed.c_str());
  }

 private:
  Cost Layer(Cost Costs::*part) const {
    return (more_.*part - one_.*part) * (1.0 / (more_.layers - 1));
  }
  // Embedding, head and loss.
  Cost Rest(Cost Costs::*part) const { return one_.*part - Layer(part); }
  Cost Whole(Cost Costs::*part) const { return Rest(part) + Layer(part) * layers_; }

  void PrintMeasured() const {
    const uint32_t positions = shape_.options.batch * shape_.options.window_tokens;
    const RecoverOptions& recover = shape_.options.recover;
    const uint32_t rows = recover.batch_tokens;
    TextTable table;
    table.Add({"measured", "a layer", "", "embedding, head, loss", ""});
    const auto add = [&](const std::string& what, Cost Costs::*part) {
      const Cost layer = Layer(part);
      const Cost rest = Rest(part);
      const auto bytes = [](double count) {
        return FormatBytes(static_cast<uint64_t>(std::max(0.0, count)));
      };
      table.Add({what, FormatSeconds(layer.seconds), bytes(layer.bytes),
                 FormatSeconds(std::max(0.0, rest.seconds)), bytes(rest.bytes)});
    };
    add(StrCat("gate gradients, ", positions, " tokens"), &Costs::gates);
    add(StrCat("loss, ", positions, " tokens"), &Costs::forward);
    add(StrCat("teacher, ", rows, " tokens"), &Costs::teacher);
    add(StrCat("update at 50 %, ", rows * recover.accumulate, " tokens"), &Costs::update);
    add("the same, layers computed again", &Costs::update_again);
    std::printf("%s", table.Text().c_str());
  }

  void PrintWhole() const {
    TextTable table;
    table.Add({"whole model", more_.layers == layers_ ? "measured" : "from the layer", "",
               "in the plan", ""});
    const auto add = [&](const char* what, const Cost& cost, double seconds, uint64_t bytes) {
      table.Add({what, FormatSeconds(cost.seconds),
                 FormatBytes(static_cast<uint64_t>(std::max(0.0, cost.bytes))),
                 FormatSeconds(seconds), FormatBytes(bytes)});
    };
    const auto model = static_cast<double>(shape_.all_weights() * shape_.element());
    const StageEstimate& profile = Stage("profile");
    add("profile", Profile() + Cost{0, model}, profile.seconds,
        std::max(profile.host_bytes, profile.device_bytes));
    const StageEstimate& recover = Stage("recover");
    const auto frozen = static_cast<double>(plan_.recovery.frozen + plan_.recovery.adapters);
    add("recover: training", Recover(&Costs::update) + Cost{0, model + frozen}, recover.seconds,
        shape_.all_weights() * shape_.element() + plan_.recovery_keeping.total());
    add("the same, layers computed again", Recover(&Costs::update_again) + Cost{0, model + frozen},
        recover.seconds * 4 / 3,
        shape_.all_weights() * shape_.element() + plan_.recovery_checkpointing.total());
    std::printf("%s", table.Text().c_str());
  }

  // All batches of the calibration: gates, then half a pass for each layer that is skipped.
  Cost Profile() const {
    const double batches = 1.0 * shape_.options.calibration_windows / shape_.options.batch;
    const Cost layer = Layer(&Costs::forward);
    const Cost rest = Rest(&Costs::forward);
    const double skipping =
        layer.seconds * (layers_ * (layers_ - 1) / 2 + layers_) + rest.seconds * (layers_ + 1);
    const Cost gates = Whole(&Costs::gates);
    return {batches * (gates.seconds + skipping),
            std::max(gates.bytes, Whole(&Costs::forward).bytes)};
  }

  // Every level costs its share of what the one at 50 % does beside the teacher; the teacher serves
  // all.
  Cost Recover(Cost Costs::*update) const {
    const RecoverOptions& options = shape_.options.recover;
    const double updates =
        static_cast<double>(options.tokens) / (1.0 * options.batch_tokens * options.accumulate);
    const double teacher = Whole(&Costs::teacher).seconds * options.accumulate;
    const Cost layer = Layer(update);
    const Cost rest = Rest(update);
    const double teacher_layer = Layer(&Costs::teacher).seconds * options.accumulate;
    double levels = 0;
    double widest = 0;
    for (const uint32_t name : shape_.options.levels) {
      if (name == 1000) continue;
      const double share = name / static_cast<double>(kHalf);
      levels += (layer.seconds - teacher_layer) * layers_ * share + rest.seconds;
      widest = std::max(widest, share);
    }
    return {updates * (teacher + levels), layer.bytes * layers_ * widest + rest.bytes};
  }

  const StageEstimate& Stage(const std::string& name) const {
    return *std::find_if(plan_.estimates.begin(), plan_.estimates.end(),
                         [&](const StageEstimate& stage) { return stage.stage == name; });
  }

  const RunShape& shape_;
  const Costs& one_;
  const Costs& more_;
  const DryRun& plan_;
  double layers_;
};

int Run(const std::string& name, int rounds, const std::string& device, uint32_t layers) {
  PrepareOptions options;
  options.shape = name;
  options.device = device;
  // Without instructions for it, bfloat16 takes this LibTorch tens of times longer than float32.
  options.dtype = device != "cpu" || HasBf16Kernels() ? "bfloat16" : "float32";
  options.data = "text.txt";  // is not read
  options.dry_run = true;
  const RunShape shape = ShapeWithoutWeights(options).value();
  PrepareTorch(options.threads);
  // Large blocks go back to the system as soon as they are free: the peak is what is in use.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  const DryRun plan = PlanRun(options);
  const Costs one = MeasureLayers(shape, 1, rounds);
  const Costs more =
      MeasureLayers(shape, std::min(layers, std::max(2U, shape.config.layers)), rounds);
  Report(shape, one, more, plan).Print();
  return 0;
}

}  // namespace
}  // namespace elm

int main(int argc, char** argv) {
  const std::string shape = argc > 1 ? argv[1] : "llama-7b";
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 5;
  const std::string device = argc > 3 ? argv[3] : "cpu";
  const int layers = argc > 4 ? std::max(2, std::atoi(argv[4])) : 2;
  try {
    return elm::Run(shape, rounds, device, layers);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "layer_benchmark: %s\n", error.what());
    return 2;
  }
}
