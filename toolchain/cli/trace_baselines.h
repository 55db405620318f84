// The baselines that traces are played with, from what `elmc baselines` left.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "toolchain/trace/play_economics.h"

namespace elm {

struct TraceBaselineFiles {
  std::string baselines;   // elm-baselines, of the tasks that traces draw from
  std::string checkpoint;  // that the bundle was made from; empty for the built-in one
  std::string predictors;  // of contextual sparsity; empty: those beside `baselines`
};
void AddTraceBaselineFlags(CLI::App& command, const std::string& group, TraceBaselineFiles& files);

// How answers are scored: as AnswerScoring, without an engine.
struct BaselineScoring {
  AnswerRules rules;
  EncodeText encode;
  std::optional<uint32_t> bos;
  size_t batch = 4;
  size_t threads = 1;
};

class TraceBaselines {
 public:
  // `tasks`: that traces draw from. No rows when no file is given. Throws elm::Error: files about
  // other tasks, predictors of another model.
  TraceBaselines(const TraceBaselineFiles& files, std::span<const Task> tasks,
                 const BaselineScoring& scoring);
  ~TraceBaselines();

  const std::string& hash() const;  // of the files; empty without
  std::span<const TraceBaseline> rows() const;
  // Null without rows, and where the file holds no contextual sparsity.
  const SparseDecoding* sparse() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace elm
