// What elmc brings along: the pocket models and their world's text (docs/pocket.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace elm {

// The checkpoint that is used when none is named.
inline constexpr char kBuiltInModel[] = "pocket-4m";
// As a text: documents of the pocket world's training split, made when they are needed.
inline constexpr char kBuiltInText[] = "pocket";

// The tiny LM of the built-in world, and the latency that decisions are learnt by, as SharedFile()
// names.
inline constexpr char kBuiltInTlm[] = "models/pocket-tlm";
inline constexpr char kReferenceLatency[] = "reference-latency.json";

// The file of that name in ../share/elm beside the program, which is installed with it.
std::string SharedFile(const std::string& name);

// `name` itself when something lies there; else, when it is a word such as "pocket-4m", the folder
// of the built-in model of that name, which lies in ../share/elm/models beside the program. Empty
// is kBuiltInModel. Throws elm::Error when a built-in model is not there.
std::string ResolveCheckpoint(const std::string& name);

// Whether ResolveCheckpoint(name) is a built-in model.
bool IsBuiltIn(const std::string& name);

// The built-in models that were trained from scratch to be smaller than the built-in model `name`
// (empty: kBuiltInModel): folders such as "pocket-4m-50", sorted. None for other checkpoints.
std::vector<std::string> BuiltInSiblings(const std::string& name);

// `documents` documents of the pocket world, separated as datasets/documents.h has it.
std::string BuiltInText(size_t documents, uint64_t seed);

}  // namespace elm
