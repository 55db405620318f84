// The reader of each public set; public_sets.cc says which file it expects.
#pragma once

#include <string>

#include "datasets/public/public_sets.h"

namespace elm {

Result<PublicTasks> ReadArc(const std::string& path);
Result<PublicTasks> ReadOpenBookQa(const std::string& path);
Result<PublicTasks> ReadPiqa(const std::string& path);
Result<PublicTasks> ReadSciq(const std::string& path);
Result<PublicTasks> ReadLambada(const std::string& path);
Result<PublicTasks> ReadBoolq(const std::string& path);
Result<PublicTasks> ReadCopa(const std::string& path);
Result<PublicTasks> ReadOctopus(const std::string& path);
Result<PublicTasks> ReadLlamaTouch(const std::string& path);
// Only the rows that can be answered, or all that the trace holds.
Result<PublicTasks> ReadElastilm(const std::string& path);
Result<PublicTasks> ReadElastilmTrace(const std::string& path);

}  // namespace elm
