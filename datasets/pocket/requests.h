// Capabilities as apps and functions describe them and as users ask for them.
#pragma once

#include <string>
#include <vector>

#include "datasets/pocket/capabilities.h"
#include "datasets/pocket/random.h"

namespace elm::pocket {

// `count` different capabilities in random order: written ones, several of them from one domain, or
// composed ones, no thing twice.
std::vector<Capability> DrawCapabilities(size_t count, Random& random);

// One way in which an app or function says what it does.
std::string Describe(const Capability& capability, Random& random);

// One way in which a user asks for it.
std::string Ask(const Capability& capability, Random& random);

}  // namespace elm::pocket
