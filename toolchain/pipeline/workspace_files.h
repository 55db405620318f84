// The files that stages leave in the workspace.
#pragma once

namespace elm {

inline constexpr char kCalibrationFile[] = "calibration.h5";
inline constexpr char kHeldOutFile[] = "held_out.h5";
inline constexpr char kImportFile[] = "import.json";
inline constexpr char kUnitScoresFile[] = "unit_scores.h5";
inline constexpr char kLayerScoresFile[] = "layer_scores.h5";
inline constexpr char kPlanFile[] = "plan.h5";
inline constexpr char kPlanReportFile[] = "plan.json";
inline constexpr char kReorderFile[] = "reorder.json";
inline constexpr char kAdaptersFolder[] = "adapters";
inline constexpr char kRecoverFile[] = "recover.json";
inline constexpr char kTlmFolder[] = "tlm";
inline constexpr char kTlmFile[] = "tlm.json";
inline constexpr char kRoundingFile[] = "rounding.json";
inline constexpr char kVerifyFile[] = "verify.json";

}  // namespace elm
