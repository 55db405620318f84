// The steps that give a bundle its tiny LM, each with its result in a folder:
//
//   score   score/        the tiny LM with its score-head, a directory of tlm_directory.h
//           saliency.h5   what it was distilled from
//           training.safetensors   while it is trained, see training_record.h
//   label   labels-SPLIT.h5, or labels-SPLIT-I-of-N.h5 by shards
//   decide  tlm/          the finished tiny LM
//           accuracy.json accuracy grid of the validation questions
//           decide.json   policies on the validation questions
//
// Every step keeps what it has when it is interrupted, and the next call goes on from there; what
// was made from something else is made again. Throws elm::Error.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "formats/model/latency_table.h"
#include "formats/model/level_table.h"
#include "toolchain/model/llama.h"
#include "toolchain/model/lora_adapter.h"
#include "toolchain/tlm/label_cube.h"
#include "toolchain/tlm/policies.h"
#include "toolchain/tlm/tlm_directory.h"
#include "toolchain/tlm/tlm_options.h"
#include "toolchain/tlm/training_record.h"

namespace elm {

// The elastic LLM that the tiny LM serves.
struct TlmSubject {
  Llama model;  // units in stored order
  LevelTable levels;
  std::vector<std::optional<LoraAdapter>> adapters;  // [levels]
  PromptReading reading;
  AnswerRules rules;
  std::string key;  // hash of all of them
};

// How a step tells where it is; each may be empty.
struct TlmHooks {
  std::function<void(const char* what, uint64_t done, uint64_t total, const std::string& note)>
      report;
  std::function<void(const std::string& text)> say;
  std::function<void()> throw_if_cancelled;
};

class TlmJob {
 public:
  TlmJob(const TlmSubject& subject, const TlmOptions& options, std::string folder, TlmHooks hooks);

  StoredTlm Score();

  // All questions of "train" or "validation", or those with index % shards == shard: shards are
  // put together when all are there. Nothing while some are missing.
  std::optional<LabelCube> Label(const StoredTlm& scorer, const std::string& split,
                                 uint32_t shard = 0, uint32_t shards = 1);

  struct Decision {
    StoredTlm tlm;
    AccuracyGrid accuracy;
    LatencyTable reference;
    nlohmann::json report;
  };
  Decision Decide(const StoredTlm& scorer, const LabelCube& train, const LabelCube& validation);

  // Labels of any questions, not kept.
  LabelCube MakeCube(const StoredTlm& scorer, std::span<const Task> tasks);

  // Scores of words by a tiny LM, as labelling and evaluation use them.
  static ScoreWordsOf Scorer(const StoredTlm& tlm);

  std::string ScoreFolder() const { return folder_ + "/score"; }
  std::string FinishedFolder() const { return folder_ + "/tlm"; }
  std::string AccuracyPath() const { return folder_ + "/accuracy.json"; }
  std::string LabelPath(const std::string& split) const;

 private:
  void Report(const char* what, uint64_t done, uint64_t total, const std::string& note) const;
  void Say(const std::string& text) const;
  TrainingProgress ProgressOf(const char* what) const;
  StoredTlm Start(TrainingRecord& record);
  // How the training `phase` tells, resumes and is kept.
  TrainingHooks HooksOf(const char* phase, TrainingRecord& record) const;
  void TrainEvidence(StoredTlm& tlm, TrainingRecord& record);
  std::vector<ScoreExample> EvidenceExamples(const StoredTlm& tlm);
  std::vector<ScoreExample> DistilledExamples(const StoredTlm& tlm);
  std::vector<ScoreExample> PairExamples(const StoredTlm& tlm);
  std::vector<std::vector<float>> Saliency(std::span<const Task> tasks);
  std::string CubeKey(const StoredTlm& scorer, const std::string& split) const;
  LabelCube EmptyCube(const StoredTlm& scorer, const std::string& key) const;

  const TlmSubject& subject_;
  const TlmOptions options_;
  const std::string folder_;
  const TlmHooks hooks_;
};

// What Decide() left in accuracy.json; throws elm::Error, or nlohmann::json::exception where
// somebody else has written it.
AccuracyGrid ReadAccuracyGrid(const std::string& path);

// What a table of latency JSON holds; throws elm::Error that names the file.
LatencyTable ReadLatencyTable(const std::string& path);

}  // namespace elm
