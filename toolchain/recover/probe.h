// A taste of recovery, for choosing between plans: how low a few updates bring each level. What a
// cut costs before recovery says little about what it costs after.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "formats/model/level_table.h"
#include "toolchain/model/llama.h"
#include "toolchain/recover/recover_options.h"
#include "toolchain/training/training_example.h"

namespace elm {

// Updates after which plans of stories3M and pocket-4m stood in nearly their final order.
inline constexpr uint32_t kProbeUpdates = 32;

// Trains the levels `chosen` for `updates` on `examples` and returns the objective's mean on
// `held_out` for each, in nats. `model` has its units in the table's order. `after_update` may
// throw to stop. Throws elm::Error as Recover() does; a level that comes out not finite is
// infinitely bad.
std::vector<double> ProbeRecovery(const Llama& model, const LevelTable& levels,
                                  std::span<const size_t> chosen, const ExampleSource& examples,
                                  std::span<const TrainingExample> held_out,
                                  const RecoverOptions& options, uint32_t updates,
                                  const std::function<void()>& after_update);

}  // namespace elm
