#include "toolchain/model/torch_compat.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

TEST(TorchCompatTest, StoredTypesKeepTheirSizeAndKind) {
  EXPECT_EQ(TorchDType(DType::kF32), torch::kFloat32);
  EXPECT_EQ(TorchDType(DType::kF16), torch::kFloat16);
  EXPECT_EQ(TorchDType(DType::kBf16), torch::kBFloat16);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
    EXPECT_EQ(torch::elementSize(TorchDType(dtype)), DTypeSize(dtype));
  }
}

TEST(TorchCompatTest, ThreadsAreSetForTheBlasToo) {
  void* symbol = dlsym(RTLD_DEFAULT, "openblas_get_num_threads");
  for (const int threads : {2, 1}) {
    SetTorchThreads(threads);
    EXPECT_EQ(at::get_num_threads(), threads);
    if (symbol != nullptr) {
      EXPECT_EQ(reinterpret_cast<int (*)()>(symbol)(), threads);
    }
  }
}

TEST(TorchCompatTest, ReproducibleModeIsOnWhenAskedFor) {
  MakeTorchReproducible();
  EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
  EXPECT_NE(std::getenv("CUBLAS_WORKSPACE_CONFIG"), nullptr);
  at::globalContext().setDeterministicAlgorithms(false, /*warn_only=*/false);
}

}  // namespace
}  // namespace elm
