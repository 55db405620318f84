#include "runtime/cli/threads_flag.h"

#include <algorithm>
#include <limits>
#include <thread>

namespace elm {

Flag ThreadsFlag() {
  return {"threads", 't', "COUNT", "threads to compute with (default 0: one for each core)"};
}

uint32_t UsableCores() { return std::max(1U, std::thread::hardware_concurrency()); }

Result<uint32_t> ReadThreads(const ParsedFlags& flags) {
  ELM_ASSIGN_OR_RETURN(const uint64_t threads,
                       flags.Number("threads", 0, std::numeric_limits<uint32_t>::max()));
  const uint32_t cores = UsableCores();
  if (threads <= cores) return threads == 0 ? cores : static_cast<uint32_t>(threads);
  return InvalidArgument("--threads is ", threads, ", there ", cores == 1 ? "is " : "are ", cores,
                         cores == 1 ? " core" : " cores",
                         "; threads that share a core only wait for each other");
}

}  // namespace elm
