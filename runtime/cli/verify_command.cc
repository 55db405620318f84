#include "runtime/cli/command.h"
#include "runtime/cli/output.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

Status Verify(const ParsedFlags& flags) {
  ELM_ASSIGN_OR_RETURN(const std::string path, OnlyArgument(flags, "bundle"));
  ELM_ASSIGN_OR_RETURN(const auto model, Model::Load(path, {.verify_weights = true}));
  const BundleView& view = model->bundle().view();
  if (!view.tokenizer_model.empty()) ELM_RETURN_IF_ERROR(model->tokenizer().status());
  return WriteOutput(StrCat(path, ": ok, ", model->bundle().file_size(), " bytes, ",
                            view.sections.size(), " sections, ", view.tensors.size(),
                            " tensors\n"));
}

}  // namespace

Command VerifyCommand() {
  return {
      .name = "verify",
      .summary = "checks every byte of a bundle against its checksums",
      .arguments = "MODEL.elm",
      .details =
          "Reads the whole file: structure, checksums of all sections and tensors, tokenizer.\n"
          "A damaged file ends with exit code 3 and names what is damaged. The checksums find\n"
          "accidents; they do not prove who made the file.\n",
      .flags = {},
      .run = Verify,
  };
}

}  // namespace elm
