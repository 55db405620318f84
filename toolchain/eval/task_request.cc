#include "toolchain/eval/task_request.h"

#include <string>

#include "datasets/prompt.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

std::vector<uint32_t> ContinuationIds(const Task& task, const std::string& prompt,
                                      size_t prompt_ids, const std::string& answer,
                                      const EncodeText& encode) {
  const std::vector<uint32_t> whole = encode(prompt + AnswerText(answer));
  if (whole.size() <= prompt_ids) {
    throw Error(InvalidArgument("task ", task.id, ": \"", answer,
                                "\" adds no token to the prompt's ", prompt_ids,
                                "; this tokenizer cannot tell the answer"));
  }
  return {whole.begin() + static_cast<ptrdiff_t>(prompt_ids), whole.end()};
}

}  // namespace

ScoringRequest MakeScoringRequest(const Task& task, const EncodeText& encode,
                                  std::optional<uint32_t> bos) {
  if (!task.multiple_choice() && task.answer.find('\n') != std::string::npos) {
    throw Error(InvalidArgument("task ", task.id,
                                ": the answer has a line end, where decoding ends; an answer "
                                "without options is one line"));
  }
  const std::string prompt = PromptText(task);
  ScoringRequest request;
  request.prompt = encode(prompt);
  request.greedy = !task.multiple_choice();
  const size_t prompt_ids = request.prompt.size();
  if (bos) request.prompt.insert(request.prompt.begin(), *bos);
  const std::vector<std::string> sole_answer = {task.answer};
  for (const std::string& answer : task.multiple_choice() ? task.options : sole_answer) {
    request.continuations.push_back(ContinuationIds(task, prompt, prompt_ids, answer, encode));
  }
  return request;
}

}  // namespace elm
