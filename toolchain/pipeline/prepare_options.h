// What a user can choose about `elmc prepare`. Every field has the default that `--help` shows.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "formats/elm/weight_type.h"
#include "formats/workspace/scores.h"
#include "toolchain/plan/plan.h"
#include "toolchain/quantize/rounding.h"
#include "toolchain/recover/recover_options.h"
#include "toolchain/tlm/tlm_options.h"

namespace elm {

struct PrepareOptions {
  // What goes in and out.
  std::string checkpoint;  // a path, or a built-in model's name; empty: pocket-4m (built_in.h)
  // UTF-8 text, or "pocket" for the built-in one; empty: text that the model generates itself, the
  // built-in one for built-in models.
  std::string data;
  std::string tokenizer;  // SentencePiece model; empty: the one beside the checkpoint
  std::string scores;     // folder with scores profiled elsewhere; empty: profile here
  std::string output;     // the .elm; empty: named after a built-in model
  std::string workspace;  // empty: "<output>.work"

  // Calibration.
  uint32_t window_tokens = 129;       // tokens per window, the first one given: 128 predictions
  uint32_t calibration_windows = 64;  // for scores
  uint32_t held_out_windows = 16;     // for choosing between plans and for the table

  // Profile.
  uint32_t batch = 4;            // windows per forward pass
  bool exact_heads = false;      // also ablate every head
  bool weight_gradient = false;  // also the published artifact's score

  // Plan. What is empty is chosen by the loss measured on the held-out windows.
  std::vector<uint32_t> levels = {200, 300, 400, 500, 600, 700, 800, 900, 1000};  // thousandths
  double anchor_share = 0.2;
  std::optional<std::vector<uint32_t>> anchors;
  std::optional<UnitPolicy> policy;
  std::optional<ScoreMetric> metric;
  std::optional<uint32_t> neuron_snap;  // empty: DefaultNeuronSnap()
  std::optional<Allocation> allocation;

  // Recover. Its seed, device and threads are those of the run.
  RecoverOptions recover;
  // Text, instructions (.json, .jsonl), "pocket" or "generated"; empty: as `data`.
  std::string recover_data;

  // The tiny LM. Its seed and threads are those of the run. Without tasks there is none; a built-in
  // model has those of its world.
  TlmOptions tlm;
  bool no_tlm = false;

  // Pack.
  std::optional<WeightType> quant;        // empty: bf16 where the checkpoint is bf16, else f16
  std::optional<WeightType> vocab_quant;  // of embedding and head; empty: VocabularyType()
  uint32_t group = kDefaultGroup;         // inputs that share a scale, for q4 and q8
  std::optional<Rounding> rounding;       // empty: the one with the lowest held-out loss

  // The machine.
  std::string device = "cpu";     // "cpu", "cuda", "cuda:1"
  std::string dtype = "float32";  // arithmetic of profile and plan: "float32" or "bfloat16"
  uint32_t threads = 0;           // 0: all cores
  uint64_t seed = 1;

  // The run.
  bool resume = false;   // insist that there is a run to go on with
  bool force = false;    // run the chosen stages again; accept a tokenizer that looks foreign
  bool dry_run = false;  // say what would be done and what it would take
  // For a dry run: a shape of `elmc synth` instead of a checkpoint, and what a machine that is not
  // at hand does in a second (0: measured here, see machine_speed.h).
  std::string shape;
  double assume_tflops = 0;  // 10^12 operations, of plain matrix products in `dtype`
  double assume_gbs = 0;     // 10^9 bytes of its memory
  std::string from;          // first and last stage to run; empty: all of them
  std::string to;
  // Seconds that a stage may take before the run warns; stages that are not named may take what
  // they need.
  std::map<std::string, double> budget_seconds = {};
};

// Checks ranges and names; the message names the flag.
Status Validate(const PrepareOptions& options);

// The options as they are recorded in the manifest: everything that can change the result.
nlohmann::json ToJson(const PrepareOptions& options);

// The recover options of a run: with the run's own seed, device and threads.
RecoverOptions RecoverOptionsOf(const PrepareOptions& options);

// The options of the tiny LM likewise, and whether the bundle gets one.
TlmOptions TlmOptionsOf(const PrepareOptions& options);
bool WantsTlm(const PrepareOptions& options);

}  // namespace elm
