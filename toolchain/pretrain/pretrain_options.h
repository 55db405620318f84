// What a pretraining run is asked for.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "formats/model/model_config.h"

namespace elm {

struct PretrainOptions {
  std::string output;     // directory
  std::string init;       // checkpoint of the same shape to start from, or empty: random weights
  std::string tokenizer;  // SentencePiece model, or empty: train one

  // The shape. `vocab` is the size of a trained vocabulary; a given tokenizer has its own.
  ModelConfig model{.layers = 6,
                    .width = 256,
                    .query_heads = 8,
                    .kv_heads = 4,
                    .head_dim = 32,
                    .neurons = 512,
                    .vocab = 2048,
                    .context = 1024,
                    .tied_head = true};

  // The length of the run and its curriculum, in predicted tokens.
  uint64_t tokens = 40'000'000;
  uint64_t copy_tokens = 1'000'000;   // first, within `tokens`: repeated random pieces
  uint64_t short_tokens = 2'000'000;  // then: examples of at most short_length tokens
  uint32_t short_length = 256;

  uint32_t batch_tokens = 1024;  // a micro-batch
  uint32_t accumulate = 2;       // micro-batches per update, computed side by side on the CPU

  double learning_rate = 2e-3;  // the peak; the last update has a tenth of it
  uint64_t warmup_tokens = 200'000;
  double weight_decay = 0.1;
  double clip = 1.0;

  double context_weight = 0.1;  // of the loss of tokens that are no answers
  uint32_t questions = 8;       // about one context
  double small_share = 0.6;
  double word_drop_share = 0.2;
  double corpus_share = 0.05;

  uint64_t seed = 1;
  std::string device = "cpu";
  std::string dtype = "auto";  // float32, bfloat16, or whichever is faster here
  uint32_t threads = 0;        // 0: all cores

  double checkpoint_minutes = 2;
  uint32_t log_steps = 50;          // updates between two rows of the curve
  uint32_t validation_steps = 500;  // updates between two measurements
  uint32_t validation_groups = 24;  // task groups of each family that are measured
  bool restart = false;             // forget an earlier run's checkpoint

  std::string tool_version;
};

// Throws elm::Error that names the first option that makes no sense.
void Validate(const PretrainOptions& options);

// What decides the weights that come out, as a flat object: two runs may be joined only when it is
// equal. `dtype` and the vocabulary's size are those in use.
nlohmann::json Recipe(const PretrainOptions& options);

// The learning rate of the update that begins when `tokens` have been predicted: linear warm-up,
// the peak while copying, then a cosine down to a tenth.
double LearningRate(const PretrainOptions& options, uint64_t tokens);

}  // namespace elm
