// Ctrl-C ends a run between two pieces of work: what is finished stays, the next run goes on from
// there.
#pragma once

namespace elm {

// From now on SIGINT and SIGTERM only raise a flag; a second one ends the process at once.
void WatchForCancellation();

// Throws Error(kCancelled) once the flag is up. Cheap; call it between batches.
void ThrowIfCancelled();

}  // namespace elm
