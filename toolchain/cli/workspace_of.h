// The workspaces that commands go on with.
#pragma once

#include <string>

namespace elm {

// The workspace that a bundle's name, or the workspace's own, stands for; empty is the built-in
// model's bundle, here. Throws elm::Error when there is none.
std::string WorkspaceOf(const std::string& given);

}  // namespace elm
