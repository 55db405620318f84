#include "toolchain/recover/probe.h"

#include <cmath>
#include <limits>

#include "toolchain/recover/adapter_trainer.h"
#include "toolchain/recover/frozen_llama.h"

namespace elm {

std::vector<double> ProbeRecovery(const Llama& model, const LevelTable& levels,
                                  std::span<const size_t> chosen, const ExampleSource& examples,
                                  std::span<const TrainingExample> held_out,
                                  const RecoverOptions& given, uint32_t updates,
                                  const std::function<void()>& after_update) {
  const RecoverOptions options = Resolve(given, model.config());
  const FrozenLlama frozen(model, options.dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32);
  AdapterTrainer trainer(frozen, levels, chosen, options, nullptr);
  const TrainingStream stream(examples, StreamOptionsOf(options, model.config()));
  StreamPosition position;
  for (uint32_t update = 0; update < updates; ++update) {
    const TrainingStep step = stream.Make(position);
    trainer.Update(step, static_cast<double>(update) / updates);
    position = step.after;
    after_update();
  }
  std::vector<double> losses = trainer.Measure(ToMicroBatches(held_out, options.batch_tokens));
  for (double& loss : losses) {
    if (!std::isfinite(loss)) loss = std::numeric_limits<double>::infinity();
  }
  return losses;
}

}  // namespace elm
