// Profile: how much every unit and layer matters. The longest stage, so it works in parts, each an
// immutable file; a resumed run finds the finished parts and goes on with the next.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/workspace/sha256.h"
#include "toolchain/base/error.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/stage.h"
#include "toolchain/profile/profile.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

// Windows per part: small enough that a killed run loses little, large enough that files stay few.
constexpr size_t kWindowsPerPart = 16;

ProfileOptions OptionsOf(const PrepareOptions& options) {
  ProfileOptions profile;
  profile.batch = options.batch;
  profile.exact_heads = options.exact_heads;
  profile.weight_gradient = options.weight_gradient;
  return profile;
}

nlohmann::json Inputs(RunContext& context) {
  const PrepareOptions& options = context.options();
  nlohmann::json inputs = {{"batch", options.batch},
                           {"exact_heads", options.exact_heads},
                           {"weight_gradient", options.weight_gradient},
                           {"dtype", options.dtype},
                           {"device", options.device}};
  if (!options.scores.empty()) {
    inputs["scores_sha256"] =
        ValueOrThrow(Sha256OfFile(StrCat(options.scores, "/", kUnitScoresFile)));
  }
  return inputs;
}

std::vector<std::string> Outputs(RunContext& context) {
  return {context.Path(kUnitScoresFile), context.Path(kLayerScoresFile)};
}

// Parts of another configuration must not be mixed in: the folder's name says what they depend on.
std::string PartsFolder(RunContext& context) {
  nlohmann::json key = Inputs(context);
  key["calibration"] = ValueOrThrow(Sha256OfFile(context.Path(kCalibrationFile)));
  return context.Path("profile_parts_" + Sha256OfString(key.dump()).substr(0, 16));
}

class PartwiseProfile {
 public:
  PartwiseProfile(RunContext& context, std::string folder)
      : context_(context),
        folder_(std::move(folder)),
        windows_(context.calibration()),
        progress_("profile", context.progress_style()) {
    fs::create_directories(folder_);
  }

  void Run() {
    UnitScores units;
    LayerScores layers;
    for (size_t begin = 0; begin < windows_.count(); begin += kWindowsPerPart) {
      const size_t end = std::min(begin + kWindowsPerPart, windows_.count());
      UnitScores part_units = Units(begin, end);
      LayerScores part_layers = Layers(begin, end);
      if (begin == 0) {
        units = std::move(part_units);
        layers = std::move(part_layers);
      } else {
        ThrowIfError(units.Merge(part_units));
        ThrowIfError(layers.Merge(part_layers));
      }
    }
    ThrowIfError(SaveUnitScores(context_.Path(kUnitScoresFile), units));
    ThrowIfError(SaveLayerScores(context_.Path(kLayerScoresFile), layers));
  }

 private:
  std::string PartPath(const char* kind, size_t begin) const {
    return StrCat(folder_, "/", kind, "_", begin, ".h5");
  }

  // Unit scores count for the first half of the bar, layer scores for the second.
  ProfileProgress ProgressFrom(size_t half_done) {
    return [this, half_done](size_t done, size_t) {
      ThrowIfCancelled();
      progress_.Update(half_done + done, 2 * windows_.count());
    };
  }

  UnitScores Units(size_t begin, size_t end) {
    const std::string path = PartPath("units", begin);
    if (Result<UnitScores> finished = LoadUnitScores(path); finished.ok()) {
      return std::move(finished).value();
    }
    UnitScores part = ProfileUnits(context_.model(), windows_, begin, end,
                                   OptionsOf(context_.options()), ProgressFrom(2 * begin));
    ThrowIfError(SaveUnitScores(path, part));
    return part;
  }

  LayerScores Layers(size_t begin, size_t end) {
    const std::string path = PartPath("layers", begin);
    if (Result<LayerScores> finished = LoadLayerScores(path); finished.ok()) {
      return std::move(finished).value();
    }
    LayerScores part = ProfileLayers(context_.model(), windows_, begin, end,
                                     OptionsOf(context_.options()), ProgressFrom(begin + end));
    ThrowIfError(SaveLayerScores(path, part));
    return part;
  }

  RunContext& context_;
  std::string folder_;
  TokenWindows windows_;
  Progress progress_;
};

// Scores that were profiled elsewhere and merged: both kinds lie in one folder.
void UseGivenScores(RunContext& context) {
  const std::string& folder = context.options().scores;
  const UnitScores units = ValueOrThrow(LoadUnitScores(StrCat(folder, "/", kUnitScoresFile)));
  const LayerScores layers = ValueOrThrow(LoadLayerScores(StrCat(folder, "/", kLayerScoresFile)));
  ThrowIfError(SaveUnitScores(context.Path(kUnitScoresFile), units));
  ThrowIfError(SaveLayerScores(context.Path(kLayerScoresFile), layers));
}

void Run(RunContext& context) {
  if (!context.options().scores.empty()) return UseGivenScores(context);
  const std::string folder = PartsFolder(context);
  PartwiseProfile(context, folder).Run();
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

}  // namespace

const Stage kProfileStage = {"profile", "score every unit and layer on the calibration windows",
                             Inputs, Outputs, Run};

}  // namespace elm
