// Ctrl-C as a flag that a loop looks at.
#pragma once

namespace elm {

// From now on the first SIGINT or SIGTERM only sets the flag; a second one ends the process as
// usual.
void CatchInterrupts();

bool Interrupted();

}  // namespace elm
