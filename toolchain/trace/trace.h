// A trace: requests of several apps to one LLM, each with what it asks, when, and how fast the
// answer must come. The published end-to-end experiment plays one (ElastiLM, MobiCom 2025,
// section 4.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datasets/task.h"
#include "runtime/orchestrator/slo.h"

namespace elm {

struct TraceApp {
  std::string name;
  Slo slo;
  std::string dataset;                // that stands for the app in the publication; may be empty
  std::vector<std::string> families;  // of the built-in world that resemble it; may be empty

  bool operator==(const TraceApp&) const = default;
};

struct TraceRequest {
  double arrival_s = 0;  // seconds from the trace's beginning
  size_t app = 0;        // index into Trace::apps
  size_t task = 0;       // index into Trace::tasks

  bool operator==(const TraceRequest&) const = default;
};

// Which tasks of the built-in world a trace draws from. LoadTasks() makes them again.
struct BuiltInTasks {
  std::string split = "test";
  uint64_t seed = 1;     // of the world
  uint32_t count = 200;  // of each family

  bool operator==(const BuiltInTasks&) const = default;
};

struct Trace {
  // How it was made; nothing where it was written by hand or published.
  std::optional<double> alpha;
  std::optional<uint64_t> seed;
  double rate = 1;  // requests a second, on average

  std::vector<TraceApp> apps;            // strictest SLO first; names are unique
  std::optional<BuiltInTasks> built_in;  // where all tasks are the built-in world's
  std::vector<Task> tasks;               // what may be asked; ids are unique
  std::vector<TraceRequest> requests;    // by arrival, at least one

  bool operator==(const Trace&) const = default;
};

// "alpha 0.25, seed 1", or what else is known of it.
std::string TraceTitle(const Trace& trace);

}  // namespace elm
