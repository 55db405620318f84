// A loop whose turns are shared among threads.
#pragma once

#include <cstddef>
#include <functional>

namespace elm {

// work(worker, index), worker < `workers`: a worker is one thread at a time, so it may keep what
// must not be shared.
using ParallelWork = std::function<void(size_t worker, size_t index)>;

// Calls `work` once for every index below `count`, in ascending order of their beginnings. The
// caller is worker 0; between its own turns it calls report(done) with the turns that all have
// finished, and once more at the end. After an exception, of `work` or of `report`, no further turn
// begins; when all threads have ended the first exception is thrown again.
void ParallelFor(size_t count, size_t workers, const ParallelWork& work,
                 const std::function<void(size_t done)>& report = {});

// 0, for "all there are", becomes the number of processors.
size_t ThreadsOrAll(size_t threads);

}  // namespace elm
