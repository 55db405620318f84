#include "datasets/public/public_sets.h"

#include <string>

#include "datasets/public/readers.h"
#include "formats/base/printable.h"
#include "formats/base/suggest.h"

namespace elm {
namespace {

constexpr PublicSet kPublicSets[] = {
    {"arc", "ARC: school science questions",
     "JSON Lines of {question: {stem, choices: [{text, label}]}, answerKey}, or the JSON array of "
     "LLM-Adapters",
     "allenai.org/data/arc; github.com/AGI-Edgerunners/LLM-Adapters", 4, ReadArc},
    {"openbookqa", "OpenBookQA: elementary science facts, applied",
     "as arc, or the tab-separated file with its header line",
     "allenai.org/data/open-book-qa; github.com/AGI-Edgerunners/LLM-Adapters", 4, ReadOpenBookQa},
    {"piqa", "PIQA: which of two ways reaches a goal",
     "JSON Lines of {goal, sol1, sol2}, NAME.jsonl, with NAME-labels.lst beside it",
     "yonatanbisk.com/piqa", 2, ReadPiqa},
    {"sciq", "SciQ: science questions with a paragraph to read",
     "JSON Lines of {prompt, completion} with \"Q:\" and \" Choices:\" in the prompt",
     "allenai.org/data/sciq", 4, ReadSciq},
    {"lambada", "LAMBADA: the last word of a passage, matched exactly", "JSON Lines of {text}",
     "zenodo.org/record/2630551", 0, ReadLambada},
    {"boolq", "BoolQ: yes or no, answered by a passage",
     "JSON Lines of {question, passage, label or answer}",
     "github.com/google-research-datasets/boolean-questions; super.gluebenchmark.com", 2,
     ReadBoolq},
    {"copa", "COPA: the likelier cause or effect of two",
     "JSON Lines of {premise, choice1, choice2, question, label}", "super.gluebenchmark.com", 2,
     ReadCopa},
    {"octopus", "Octopus: which Android function does what is asked",
     "CSV rows of request, function names, letter of the right one; descriptions from "
     "octopus_functions.txt beside it",
     "huggingface.co/NexaAIDev/Octopus-v2", 21, ReadOctopus},
    {"llamatouch", "LlamaTouch: which app does what is asked",
     "the tab-separated task_metadata file with its header line",
     "github.com/LlamaTouch/LlamaTouch", 74, ReadLlamaTouch},
    {"elastilm", "ElastiLM's end-to-end traces: the rows that can be answered",
     "JSON array of [question, options, answer, [TTFT, TPOT], arrival, set]",
     "arxiv.org/abs/2409.09071", 4, ReadElastilm},
    {"elastilm-trace", "ElastiLM's end-to-end traces: all rows, to replay demands and arrivals",
     "the same", "arxiv.org/abs/2409.09071", 4, ReadElastilmTrace},
};

}  // namespace

std::span<const PublicSet> PublicSets() { return kPublicSets; }

Result<const PublicSet*> FindPublicSet(std::string_view name) {
  std::vector<std::string> names;
  for (const PublicSet& set : kPublicSets) {
    if (set.name == name) return &set;
    names.emplace_back(set.name);
  }
  std::string known;
  for (const std::string& known_name : names) known += (known.empty() ? "" : ", ") + known_name;
  return InvalidArgument("no public set is called ", Printable(name), Suggestion(name, names),
                         "; there are ", known);
}

}  // namespace elm
