// Makes traces of the published form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "toolchain/trace/trace.h"

namespace elm {

struct MakeTraceOptions {
  double alpha = 0;      // above 0: leans to relaxed SLOs
  uint32_t count = 600;  // requests
  uint64_t seed = 1;     // of order, content and arrivals
  double rate = 1;       // requests a second
  BuiltInTasks tasks;
};

inline constexpr double kMostAlpha = 10;  // either way; beyond it some apps would never ask
inline constexpr uint32_t kMostRequests = 1'000'000;
inline constexpr double kMostRate = 1e6;

// How many of `count` requests each of `apps` SLOs has, i = 0 the strictest: in proportion to
// e^(alpha i), rounded by largest remainder so that they add up (of equal remainders the stricter
// SLO's comes first).
std::vector<uint32_t> RequestCounts(size_t apps, double alpha, uint32_t count);

// PublishedApps() with tasks of the built-in world. An app's tasks come in a random order, none
// twice before all have been asked; apps are in random order; gaps between arrivals are exponential
// (a Poisson process), rounded to ms. The same options give the same trace on every machine. Throws
// elm::Error: an option out of range.
Trace MakeTrace(const MakeTraceOptions& options);

enum class PublishedContent {
  kOwn,      // the questions of the file; rows that ask nothing are left out
  kBuiltIn,  // tasks of the built-in world, for every row
};

// A trace file of ElastiLM's authors: its demands and its arrivals (numbers from 0, one time unit
// apart; unit / options.rate seconds). `notes` gets a line for each rule by which rows were left
// out. options.seed chooses tasks with kBuiltIn; alpha and count are not used. Throws elm::Error
// with "file:line".
Trace ReadPublishedTrace(const std::string& path, PublishedContent content,
                         const MakeTraceOptions& options, std::vector<std::string>& notes);

}  // namespace elm
