// SentencePieces from the private module.
#include <dlfcn.h>

#include <filesystem>

#include "runtime/engine/sentence_pieces.h"
#include "toolchain/base/error.h"
#include "toolchain/sentencepiece/module.h"
#include "toolchain/sentencepiece/train.h"

namespace elm {
namespace {

// Stays loaded until the program ends. Null when the module is missing.
void* Module() {
  static void* const module = [] {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    const std::string path = program.parent_path() / kModuleFile;
    // DEEPBIND: the module's own protobuf comes first for it; LOCAL: it never comes first for
    // others.
    return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  }();
  return module;
}

template <typename Function>
Function Symbol(const char* name) {
  return Module() == nullptr ? nullptr : reinterpret_cast<Function>(dlsym(Module(), name));
}

}  // namespace

std::unique_ptr<SentencePieces> NewSentencePieces() {
  const auto create = Symbol<NewPiecesFunction>(kNewPiecesSymbol);
  return std::unique_ptr<SentencePieces>(create == nullptr ? nullptr : create());
}

std::string TrainSentencePieces(const std::unordered_map<std::string, std::string>& options,
                                const std::vector<std::string>& sentences) {
  const auto train = Symbol<TrainFunction>(kTrainSymbol);
  if (train == nullptr) {
    throw Error(NotFound(kModuleFile, ": is not beside the program; build or install it again"));
  }
  std::string model;
  std::string error;
  if (!train(options, sentences, model, error)) {
    throw Error(InvalidArgument("training a vocabulary: ", error));
  }
  return model;
}

}  // namespace elm
