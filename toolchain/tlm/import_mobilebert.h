// Hugging Face MobileBERT directories as tiny LMs.
#pragma once

#include <string>

#include "formats/model/tlm_settings.h"
#include "toolchain/tlm/torch_tlm.h"

namespace elm {

// What a directory holds beside its weights.
struct MobileBertFiles {
  TlmConfig config;        // without levels; vocab as the checkpoint has it, without SLO tokens
  std::string vocabulary;  // vocab.txt; empty where there is none
  bool lower_case = true;  // tokenizer_config.json's do_lower_case
};

// Reads config.json and vocab.txt. Throws elm::Error that names file, field, value and what is
// expected: another model_type, activations other than ReLU, attention inside the bottleneck,
// queries and keys that do not share one, intra_bottleneck_size other than true_hidden_size, a
// vocabulary of another size.
MobileBertFiles ReadMobileBert(const std::string& directory);

// A tiny LM whose body is the checkpoint's: both branches begin as copies of its top layers, heads
// are new. `config` is that of the directory with levels and shared layers, and perhaps more rows
// of words (SLO tokens), whose embeddings begin mutually orthogonal. Pre-training heads (cls.*) and
// the pooler are left out. Throws elm::Error that names file and tensor: missing, of another shape,
// not finite, unknown.
TorchTlm ImportMobileBert(const std::string& directory, const TlmConfig& config, uint64_t seed);

// Gives the last `count` rows of the words random embeddings that are orthogonal to each other (as
// far as their width allows) and as long as the other rows are on average.
void InitialiseSloTokens(TorchTlm& model, uint32_t count, uint64_t seed);

}  // namespace elm
