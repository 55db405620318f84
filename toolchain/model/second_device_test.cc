// The stand-in for a GPU, and the model on it.
#include "toolchain/model/testing/second_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/model/generate.h"
#include "toolchain/model/llama.h"
#include "toolchain/model/testing/random_bundle.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/token_loss.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

class SecondDeviceTest : public testing::Test {
 protected:
  void SetUp() override { SetTorchThreads(1); }

  void ExpectSame(const torch::Tensor& on_device, const torch::Tensor& expected) const {
    EXPECT_EQ(on_device.device(), device_);
    EXPECT_LE(MaxDifference(on_device.cpu(), expected),
              SecondDeviceTolerance() * (1 + expected.abs().max().item<double>()));
  }

  const torch::Device device_ = SecondDevice();
  const MemoryCheckpoint checkpoint_{TinyConfig(), 5};
  const Llama here_ = Llama::Load(checkpoint_, torch::kCPU, torch::kFloat32);
  const Llama there_ = Llama::Load(checkpoint_, device_, torch::kFloat32);
  const torch::Tensor ids_ = AllWindows(RandomWindows(TinyConfig(), 3, 12, 6));
};

TEST_F(SecondDeviceTest, ComputesWhatTheProcessorComputes) {
  const torch::Tensor a = torch::randn({4, 5});
  const torch::Tensor b = torch::randn({5, 3});
  const torch::Tensor product = torch::mm(a.to(device_), b.to(device_));
  ExpectSame(product, torch::mm(a, b));
  ExpectSame((1.0 - product).exp().sum(0), (1.0 - torch::mm(a, b)).exp().sum(0));
  torch::Tensor table = a.to(device_);
  table.narrow(1, 1, 2).mul_(3);
  torch::Tensor expected = a.clone();
  expected.narrow(1, 1, 2).mul_(3);
  ExpectSame(table, expected);
}

TEST_F(SecondDeviceTest, DifferentiatesThere) {
  const torch::Tensor a = torch::randn({4, 5});
  torch::Tensor leaf = a.to(device_).requires_grad_();
  torch::softmax(leaf, 1).square().sum().backward();
  torch::Tensor expected = a.clone().requires_grad_();
  torch::softmax(expected, 1).square().sum().backward();
  ExpectSame(leaf.grad(), expected.grad());
}

TEST_F(SecondDeviceTest, RefusesWhatCudaRefuses) {
  const torch::Tensor there = torch::ones({3, 3}, torch::TensorOptions().device(device_));
  const torch::Tensor here = torch::ones({3});
  EXPECT_THROW((void)(there + here), c10::Error);
  EXPECT_THROW((void)(here * there), c10::Error);
  EXPECT_THROW((void)torch::cat({here, there.flatten()}), c10::Error);
  EXPECT_THROW((void)there.index_select(0, torch::tensor({1, 2})), c10::Error);
  EXPECT_THROW((void)there.masked_fill(torch::ones({3, 3}, torch::kBool), 1.0), c10::Error);
  torch::Generator generator = at::detail::createCPUGenerator(1);
  EXPECT_THROW((void)there.clone().normal_(0, 1, generator), c10::Error);
  EXPECT_NO_THROW((void)(there + torch::ones({})));
  EXPECT_NO_THROW((void)there.index({torch::tensor({1, 2})}));
}

TEST_F(SecondDeviceTest, ItsMemoryIsOutOfReach) {
  const torch::Tensor there = torch::ones({3}, torch::TensorOptions().device(device_));
  EXPECT_DEATH((void)*static_cast<volatile float*>(there.data_ptr()), "");
}

TEST_F(SecondDeviceTest, LogitsAreTheProcessors) {
  ExpectSame(there_.Logits(ids_.to(device_)), here_.Logits(ids_));
  for (const bool whole : {true, false}) {
    const UnitOrder order = RandomOrder(TinyConfig(), whole, 7);
    const LevelTable levels = TwoLevels(TinyConfig(), order);
    ExpectSame(there_.Reordered(order).Logits(ids_.to(device_), {.level = &levels.levels.front()}),
               here_.Reordered(order).Logits(ids_, {.level = &levels.levels.front()}));
  }
}

TEST_F(SecondDeviceTest, LossesAreTheProcessors) {
  ExpectSame(there_.SequenceLoss(ids_.to(device_)), here_.SequenceLoss(ids_));
  const torch::Tensor hidden = torch::randn({9, 24});
  const torch::Tensor targets = torch::randint(37, {9}, torch::kInt64);
  torch::Tensor leaf = hidden.to(device_).requires_grad_();
  TokenLoss(leaf, there_.head, targets.to(device_)).sum().backward();
  torch::Tensor expected = hidden.clone().requires_grad_();
  TokenLoss(expected, here_.head, targets).sum().backward();
  ExpectSame(leaf.grad(), expected.grad());
}

TEST_F(SecondDeviceTest, GeneratesWhatTheProcessorGenerates) {
  for (const double temperature : {0.0, 1.0}) {
    EXPECT_EQ(GenerateWindows(there_, 3, 10, 1, 2, temperature).ids,
              GenerateWindows(here_, 3, 10, 1, 2, temperature).ids);
  }
}

TEST_F(SecondDeviceTest, LoadsEveryStoredType) {
  for (const DType stored : {DType::kF16, DType::kBf16}) {
    MemoryCheckpoint checkpoint = checkpoint_;
    checkpoint.StoreAs(stored);
    for (const torch::Dtype dtype : {torch::kFloat32, torch::kBFloat16}) {
      ExpectSame(Llama::Load(checkpoint, device_, dtype).head,
                 Llama::Load(checkpoint, torch::kCPU, dtype).head);
    }
  }
}

}  // namespace
}  // namespace elm
