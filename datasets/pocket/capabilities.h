// What apps and functions of the pocket world can do.
#pragma once

#include <string>
#include <vector>

#include "datasets/pocket/random.h"

namespace elm::pocket {

struct Capability {
  std::string domain;        // capabilities of one domain are each other's near misses
  std::string stem;          // what a function for it may be called: "photo|picture"
  std::string descriptions;  // by what an app or function says of itself
  // By what users say who want it, with slots (words.h). What begins with "!" is a whole sentence,
  // all else goes into "please ...", "I want to ...".
  std::string requests;
};

// The written ones. Their requests seldom share words with their descriptions: who matches them
// knows what the words mean.
const std::vector<Capability>& Capabilities();

// A verb and a thing, put together at random: "rename the garden list". Request and description
// share words that hardly ever met before: who matches them compares texts.
Capability ComposeCapability(Random& random);

}  // namespace elm::pocket
