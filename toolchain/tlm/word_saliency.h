// How much the LLM's answer depends on each word of its context: the delta-loss of importance,
// applied to the input.
//
// Exactly it is the loss increase of the right answer when the word is left out and the prompt
// tokenized again: one pass per word. To first order it is -dL/dg at g = 1 of a gate g on the word,
// all words of a prompt by one forward and backward pass. Two gates are known: one on how visible
// the word's tokens are as keys (ln g is added to their attention scores in every layer), and one
// on their embeddings.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "datasets/task.h"
#include "datasets/token_windows.h"
#include "toolchain/model/llama.h"
#include "toolchain/tlm/task_words.h"

namespace elm {

enum class WordGate {
  kVisibility,  // ln g on attention scores of keys
  kEmbedding,   // g times the embedding
};

// What is measured of the answer.
enum class AnswerLoss {
  kAnswer,  // -mean log-probability of the right answer's tokens
  // -log of the right option's share among all options, by their mean log-probabilities: what
  // decides a multiple-choice question. Of a task without options the same as kAnswer.
  kChoice,
};

struct SaliencyOptions {
  WordGate gate = WordGate::kVisibility;
  AnswerLoss loss = AnswerLoss::kChoice;
  // Values of all gates at which derivatives are taken; the saliency is the mean. More than {1}
  // approximates the integral along the path from nothing to the whole context (integrated
  // gradients: Sundararajan, Taly and Yan, 2017), which sees words whose loss is flat at 1.
  std::vector<double> path = {1.0};
  size_t batch = 4;  // tasks per forward pass
};

// What the LLM reads with.
struct PromptReading {
  EncodeText encode;
  TokenPiece piece;
  std::optional<uint32_t> bos;
};

// Of each task the saliency of every word of its context, [tasks][words]: positive where the word
// helps the answer.
std::vector<std::vector<float>> WordSaliency(const Llama& model, const PromptReading& reader,
                                             std::span<const Task> tasks,
                                             const SaliencyOptions& options,
                                             const ForwardOptions& pass = {});

// The loss of each task's answer, [tasks].
std::vector<double> AnswerLosses(const Llama& model, const PromptReading& reader,
                                 std::span<const Task> tasks, AnswerLoss loss, size_t batch,
                                 const ForwardOptions& pass = {});

// The yardstick: the loss increase of one task's answer when each word goes, by leaving it out.
std::vector<float> ExactSaliency(const Llama& model, const PromptReading& reader, const Task& task,
                                 AnswerLoss loss, size_t batch);

// The LLM's own surprise at each word: the sum of -log p of its tokens given all before them, what
// perplexity-based compressors keep (Selective-Context: Li et al. 2023). Knows no answer and no
// question, which stands behind.
std::vector<std::vector<float>> WordSurprise(const Llama& model, const PromptReading& reader,
                                             std::span<const Task> tasks, size_t batch);

}  // namespace elm
