// What apps and functions of the pocket world can do.
#pragma once

#include <span>
#include <string_view>

namespace elm::pocket {

struct Capability {
  std::string_view domain;        // capabilities of one domain are each other's near misses
  std::string_view stem;          // what a function for it may be called: "photo|picture"
  std::string_view descriptions;  // by what an app or function says of itself
  // By what users say who want it, with slots (words.h). What begins with "!" is a whole sentence,
  // all else goes into "please ...", "I want to ...".
  std::string_view requests;
};

std::span<const Capability> Capabilities();

}  // namespace elm::pocket
