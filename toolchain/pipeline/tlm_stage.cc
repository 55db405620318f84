// Tlm: the tiny LM that scores words and chooses levels.
#include <nlohmann/json.hpp>

#include "formats/workspace/sha256.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pipeline/stage.h"
#include "toolchain/pipeline/tlm_subject.h"

namespace elm {
namespace {

std::string HashOfFile(const std::string& path) {
  return path.empty() ? "" : ValueOrThrow(Sha256OfFile(path));
}

nlohmann::json Inputs(RunContext& context) {
  const PrepareOptions& options = context.options();
  if (!WantsTlm(options)) return {{"wanted", false}};
  nlohmann::json inputs = ToJson(options)["tlm"];
  inputs["start_sha256"] = options.tlm.from_nothing() ? "" : HashTlmFolder(options.tlm.start);
  inputs["pairs_sha256"] = HashOfFile(options.tlm.pairs);
  inputs["latency_sha256"] = HashOfFile(options.tlm.latency);
  return inputs;
}

std::vector<std::string> Outputs(RunContext& context) {
  std::vector<std::string> outputs = {context.Path(kTlmFile)};
  if (!WantsTlm(context.options())) return outputs;
  const std::string folder = context.Path(kTlmFolder);
  for (const char* name :
       {"/tlm/tlm.json", "/tlm/vocab.txt", "/tlm/model.safetensors", "/accuracy.json"}) {
    outputs.push_back(folder + name);
  }
  return outputs;
}

void Run(RunContext& context) {
  if (!WantsTlm(context.options())) {
    return WriteJsonFile(context.Path(kTlmFile), {{"tlm", "none"}});
  }
  SetTorchThreads(1);  // each of our threads computes by itself
  const TlmSubject subject = MakeTlmSubject(context);
  TlmJob job(subject, TlmOptionsOf(context.options()), context.Path(kTlmFolder),
             MakeTlmHooks(context));
  const StoredTlm scorer = job.Score();
  const LabelCube train = *job.Label(scorer, "train");
  const LabelCube validation = *job.Label(scorer, "validation");
  const TlmJob::Decision decision = job.Decide(scorer, train, validation);
  WriteJsonFile(context.Path(kTlmFile), decision.report);
  SetTorchThreads(static_cast<int>(ThreadsOrAll(context.options().threads)));
}

}  // namespace

const Stage kTlmStage = {"tlm", "train the tiny LM that scores words and chooses levels", Inputs,
                         Outputs, Run};

}  // namespace elm
