#include "runtime/cli/slo_engine.h"

#include <utility>

#include "formats/model/latency_json.h"
#include "runtime/cli/command.h"
#include "runtime/cli/memory_flags.h"
#include "runtime/cli/slo_options.h"
#include "runtime/cli/threads_flag.h"
#include "runtime/orchestrator/identity.h"

namespace elm {
namespace {

struct ChosenTable {
  LatencyTable table;
  LatencySource source;
};

Result<ChosenTable> FromFile(const std::string& path, const OpenedBundle& opened) {
  ELM_ASSIGN_OR_RETURN(LatencyTable table, ReadLatencyFile(path));
  ELM_RETURN_IF_ERROR(CheckTableFits(table, opened.bundle->view(), opened.device, path));
  const LatencySource source = {table.name, path, table.is_reference()};
  return ChosenTable{std::move(table), source};
}

Result<ChosenTable> ChooseTable(const std::string& latency_path, const OpenedBundle& opened) {
  if (!latency_path.empty()) return FromFile(latency_path, opened);
  const std::string beside = LatencyPathBeside(opened.bundle->path());
  auto found = FromFile(beside, opened);
  if (found.ok() || found.status().code() != StatusCode::kNotFound) return found;
  const auto& reference = opened.bundle->view().reference_latency;
  if (!reference) {
    return InvalidArgument("no latency table to decide by: there is no ", beside,
                           ", and the bundle carries no reference; run `elm calibrate ",
                           opened.bundle->path(), "`, or name one with --latency");
  }
  return ChosenTable{*reference, {reference->name, "the bundle's reference table", true}};
}

}  // namespace

Result<SessionSetup> ReadSessionSetup(const ParsedFlags& flags) {
  SessionSetup setup;
  ELM_ASSIGN_OR_RETURN(setup.path, OnlyArgument(flags, "bundle"));
  ELM_ASSIGN_OR_RETURN(setup.context, ReadCount(flags, "context-tokens", 0));
  ELM_ASSIGN_OR_RETURN(setup.threads, ReadThreads(flags));
  ELM_ASSIGN_OR_RETURN(setup.kv, ReadKv(flags));
  setup.verify_weights = flags.Has("check");
  setup.copy_weights = flags.Has("no-mmap");
  return setup;
}

Result<OpenedBundle> OpenBundle(const SessionSetup& setup) {
  using Access = MappedFile::Access;
  OpenedBundle opened;
  const Access access = setup.copy_weights ? Access::kCopy : Access::kRandom;
  ELM_ASSIGN_OR_RETURN(opened.bundle, Bundle::Open(setup.path, access));
  if (setup.verify_weights) ELM_RETURN_IF_ERROR(opened.bundle->VerifyWeights());
  ELM_ASSIGN_OR_RETURN(opened.model, Model::FromBundle(opened.bundle));
  ELM_ASSIGN_OR_RETURN(opened.session, Session::Create(opened.model, {.context = setup.context,
                                                                      .kv = setup.kv,
                                                                      .threads = setup.threads}));
  if (opened.bundle->view().tlm) {
    ELM_ASSIGN_OR_RETURN(auto tiny_lm, TinyLm::Create(opened.bundle, setup.threads));
    opened.reader = MakePromptReader(std::move(tiny_lm));
  }
  ELM_ASSIGN_OR_RETURN(const KernelTable* kernels, ChooseKernels());
  opened.device = DeviceName(*kernels, setup.threads, setup.kv);
  return opened;
}

std::string LatencyPathBeside(const std::string& bundle_path) { return bundle_path + ".lat.json"; }

Result<std::unique_ptr<SloEngine>> SloEngine::Open(const SessionSetup& setup,
                                                   const std::string& latency_path) {
  std::unique_ptr<SloEngine> engine(new SloEngine());
  ELM_ASSIGN_OR_RETURN(engine->opened_, OpenBundle(setup));
  ELM_ASSIGN_OR_RETURN(ChosenTable chosen, ChooseTable(latency_path, engine->opened_));
  engine->latency_ = std::move(chosen.source);
  ELM_ASSIGN_OR_RETURN(engine->llm_, MakeSessionLlm(*engine->opened_.session));
  ELM_ASSIGN_OR_RETURN(OrchestratorConfig config,
                       ConfigOf(*engine->opened_.bundle, std::move(chosen.table)));
  engine->orchestrator_ = std::make_unique<Orchestrator>(std::move(config), *engine->llm_,
                                                         engine->opened_.reader.get());
  return engine;
}

Status SloEngine::WarmUp() {
  Session& session = *opened_.session;
  const uint32_t any_id = 0;
  ELM_RETURN_IF_ERROR(session.SetLevel("1.0"));
  ELM_RETURN_IF_ERROR(session.Append({&any_id, 1}));
  session.Reset();
  if (opened_.reader == nullptr) return Status::Ok();
  return opened_.reader->Read({"why?", "because", 1, 1}).status();
}

}  // namespace elm
