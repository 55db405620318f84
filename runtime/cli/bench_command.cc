#include <string>
#include <utility>

#include "runtime/bench/bench_report.h"
#include "runtime/cli/bench_options.h"
#include "runtime/cli/command.h"
#include "runtime/cli/interrupt.h"
#include "runtime/cli/output.h"
#include "runtime/cli/progress_line.h"
#include "runtime/cli/threads_flag.h"

namespace elm {
namespace {

Result<BenchResult> Measure(const std::shared_ptr<const Model>& model, const KernelTable& kernels,
                            const BenchPlan& plan) {
  ProgressLine line;
  const BenchHooks hooks = {
      .progress =
          [&](const std::string& what, double done) {
            line.Show(StrCat(static_cast<int>(100 * done), " %  ", what));
          },
      .cancelled = Interrupted,
  };
  return RunBench(model, kernels, plan, hooks);
}

std::string Written(const BenchReport& report, BenchFormat format) {
  switch (format) {
    case BenchFormat::kMarkdown:
      return BenchMarkdown(report);
    case BenchFormat::kJson:
      return BenchJson(report);
    case BenchFormat::kCsv:
      break;
  }
  return BenchCsv(report);
}

Status Bench(const ParsedFlags& flags) {
  ELM_ASSIGN_OR_RETURN(const std::string path, OnlyArgument(flags, "bundle"));
  ELM_ASSIGN_OR_RETURN(const BenchOptions options, ReadBenchOptions(flags));
  ELM_ASSIGN_OR_RETURN(const KernelTable* kernels, ChooseKernels());
  ELM_ASSIGN_OR_RETURN(const auto model, Model::Load(path, {.copy_weights = options.copy_weights}));
  const auto& stored = model->bundle().view().tlm;
  const TlmConfig* tlm = stored ? &stored->settings.config : nullptr;
  ELM_ASSIGN_OR_RETURN(const BenchPlan plan,
                       PlanBench(options, model->config(), model->levels(), tlm));
  CatchInterrupts();
  ELM_ASSIGN_OR_RETURN(const BenchResult result, Measure(model, *kernels, plan));
  if (result.repeats > 0) {
    const BenchReport report = {*model,        result,        *kernels,
                                ReadCpuInfo(), UsableCores(), ELM_VERSION};
    ELM_RETURN_IF_ERROR(WriteOutput(Written(report, options.format)));
  }
  if (result.repeats == plan.repeats) return Status::Ok();
  return {StatusCode::kCancelled,
          StrCat("stopped after ", result.repeats, " of ", plan.repeats, " repeats")};
}

}  // namespace

Command BenchCommand() {
  return {
      .name = "bench",
      .summary = "measures the speed of a bundle's levels on this machine",
      .arguments = "[OPTIONS] MODEL.elm",
      .details =
          "Rows are named as llama-bench names them: pp512 reads 512 tokens at once, tg64 appends\n"
          "64 one by one, both to an empty context; tlm512 reads a window with the tiny LM.\n"
          "Everything is warmed up, then measured again and again, all levels of a test in turn.\n"
          "GB/s are bytes of weights. What they are compared with is measured in the same run, with\n"
          "as many threads: how fast memory is read, and how many multiplications and additions\n"
          "the processor does when nothing holds it up. Ctrl-C\n"
          "ends it with the repeats that are complete.\n"
          "\n"
          "Examples:\n"
          "  elm bench model.elm\n"
          "  elm bench model.elm -p 64,512 -n 64 -t 2 --levels 0.5,1.0\n"
          "  elm bench model.elm -p 0 -n 128 -r 20 -o json\n"
          "  elm bench model.elm --adapters both -r 9\n"
          "  ELM_FORCE_ISA=avx2 elm bench model.elm\n",
      .flags = BenchFlags(),
      .run = Bench,
  };
}

}  // namespace elm
