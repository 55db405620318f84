// The two JSON forms in which ARC and OpenBookQA are published.
#pragma once

#include <string>
#include <string_view>

#include "datasets/public/task_collector.h"
#include "formats/base/status.h"

namespace elm {

// Either form; which one is seen by the first character.
//
// "{": JSON Lines of AI2's own form, {"id": .., "question": {"stem": .., "choices": [{"text": ..,
// "label": ..}]}, "answerKey": ..}. "[": the JSON array of LLM-Adapters, whose rows hold all in one
// "instruction" ("Please choose the correct answer to the question: ..\n\nAnswer1: .. Answer2:
// ..\n\nAnswer format: ..") and the right one in "answer" ("answer2").
Status AddChoiceRows(std::string_view text, const std::string& path, TaskCollector& collector);

}  // namespace elm
