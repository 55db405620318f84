#include "toolchain/cli/eval_subject.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "toolchain/base/error.h"
#include "toolchain/eval/hash_text.h"
#include "toolchain/eval/runtime_engine.h"
#include "toolchain/eval/torch_engine.h"
#include "toolchain/model/bundle_model.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

void CheckNames(const SubjectOptions& options) {
  const auto check = [](const char* flag, const std::string& value,
                        std::initializer_list<const char*> names) {
    std::string list;
    for (const char* name : names) {
      if (value == name) return;
      list += StrCat(list.empty() ? "" : ", ", name);
    }
    throw Error(InvalidArgument(flag, " is \"", value, "\", expected one of ", list));
  };
  check("--engine", options.engine, {"libtorch", "runtime"});
  check("--dtype", options.dtype, {"float32", "bfloat16"});
  if (options.batch == 0) throw Error(InvalidArgument("--batch is 0, expected at least 1"));
}

torch::Dtype TorchType(const SubjectOptions& options) {
  return options.dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32;
}

// A bundle by its name or its first bytes, so that a damaged one is refused as a bundle.
bool LooksLikeBundle(const std::string& path) {
  if (std::filesystem::is_directory(path)) return false;
  std::array<char, layout::kMagic.size()> magic{};
  std::ifstream(path, std::ios::binary).read(magic.data(), magic.size());
  const bool has_magic = std::equal(magic.begin(), magic.end(), layout::kMagic.begin(),
                                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
  return has_magic || path.ends_with(".elm");
}

torch::Device TorchDevice(const SubjectOptions& options) {
  PrepareOptions prepare;
  prepare.device = options.device;
  return RunContext(prepare, "", Progress::Style::kNone).device();
}

void RefuseForRuntime(const SubjectOptions& options) {
  if (options.dtype == "float32" && options.device == "cpu") return;
  throw Error(
      InvalidArgument("the runtime computes in float32 on the processor; --dtype and "
                      "--device are for --engine libtorch"));
}

}  // namespace

EvalSubject::EvalSubject(const SubjectOptions& options) {
  CheckNames(options);
  SetTorchThreads(1);  // each of our threads computes by itself
  MakeTorchReproducible();
  if (LooksLikeBundle(options.model)) {
    OpenBundle(options);
  } else {
    OpenCheckpoint(options);
  }
}

void EvalSubject::OpenBundle(const SubjectOptions& options) {
  bundle_model_ = ValueOrThrow(Model::Load(options.model));
  const Bundle& bundle = bundle_model_->bundle();
  form_ = "elm bundle";
  hash_ = HashFiles({options.model});
  config_ = bundle.config();
  levels_ = bundle.levels();
  generation_ = bundle.view().generation;
  tokenizer_ = ValueOrThrow(bundle_model_->tokenizer());
  if (options.engine == "runtime") {
    RefuseForRuntime(options);
    engine_ = std::make_unique<RuntimeEngine>(bundle_model_, options.threads);
    return;
  }
  arithmetic_ = options.dtype;
  const torch::Device device = TorchDevice(options);
  engine_ = std::make_unique<TorchEngine>(LoadBundleModel(bundle, device, TorchType(options)),
                                          levels_, options.batch, options.threads,
                                          LoadBundleAdapters(bundle, device, TorchType(options)));
}

void EvalSubject::OpenCheckpoint(const SubjectOptions& options) {
  if (options.engine == "runtime") {
    throw Error(InvalidArgument(options.model,
                                ": the runtime runs .elm files only; make one with `elmc prepare`, "
                                "or measure with --engine libtorch"));
  }
  PrepareOptions prepare;
  prepare.checkpoint = options.model;
  prepare.tokenizer = options.tokenizer;
  prepare.device = options.device;
  checkpoint_ = std::make_unique<RunContext>(prepare, "", Progress::Style::kNone);
  form_ = checkpoint_->checkpoint().form();
  hash_ = HashFiles(checkpoint_->checkpoint().files());
  arithmetic_ = options.dtype;
  config_ = checkpoint_->checkpoint().config();
  levels_ = FullLevelOnly(config_);
  generation_ = checkpoint_->generation();
  tokenizer_ = &checkpoint_->tokenizer();
  engine_ = std::make_unique<TorchEngine>(
      checkpoint_->LoadModel(checkpoint_->device(), TorchType(options)), levels_, options.batch,
      options.threads);
}

}  // namespace elm
