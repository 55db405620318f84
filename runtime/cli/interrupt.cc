#include "runtime/cli/interrupt.h"

#include <csignal>

namespace elm {
namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void RememberInterrupt(int) { interrupted = 1; }

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = RememberInterrupt;
  // Back to the default after the first; a write that is under way is not torn.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return interrupted != 0; }

}  // namespace elm
