// The words of the pocket world that several families share, and texts with slots for them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/pocket/random.h"

namespace elm::pocket {

std::span<const std::string_view> People();

// A name that no dictionary knows, of two or three syllables: "Zentro", "Kivalo". Some ten thousand
// exist.
std::string InventName(Random& random);

// `text` with every {slot} replaced by a random word of that kind: {person} {time} {day} {date}
// {place} {room} {city} {food} {drink} {pet} {thing} {song} {number} {colour} {topic} {code}
// {modifier} {noun}.
// "{person}" twice may give two people.
std::string FillSlots(std::string_view text, Random& random);

// `text` with the first `slot` replaced by `with`; unchanged where there is none.
std::string ReplaceSlot(std::string_view text, std::string_view slot, std::string_view with);

// One word of a kind, by its slot's name without braces.
std::string Word(std::string_view kind, Random& random);

// "a|b|c" -> {a, b, c}.
std::vector<std::string_view> Alternatives(std::string_view text);

std::string Capitalised(std::string text);
std::string Lowercased(std::string text);

}  // namespace elm::pocket
