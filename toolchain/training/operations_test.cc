// Fused kernels against LibTorch's own operations: values and gradients.
#include "toolchain/training/operations.h"

#include <gtest/gtest.h>

#include "toolchain/training/bf16_kernels.h"

namespace elm {
namespace {

// bfloat16 keeps 8 bits: a relative error of 2^-9 per rounding, and a few roundings.
constexpr double kTolerance = 0.01;

double RelativeError(const torch::Tensor& actual, const torch::Tensor& expected) {
  const torch::Tensor wide = expected.to(torch::kFloat32);
  return ((actual.to(torch::kFloat32) - wide).norm() / (wide.norm() + 1e-9)).item<double>();
}

// A leaf in bfloat16, and the same values as a leaf in float32.
struct Leaf {
  explicit Leaf(const torch::Tensor& values)
      : half(values.to(torch::kBFloat16).set_requires_grad(true)),
        full(half.detach().to(torch::kFloat32).set_requires_grad(true)) {}
  torch::Tensor half;
  torch::Tensor full;
};

void ExpectSameGradients(const Leaf& leaf, const char* what) {
  EXPECT_LT(RelativeError(leaf.half.grad(), leaf.full.grad()), kTolerance) << what;
}

class FusedOperations : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasBf16Kernels()) GTEST_SKIP() << "needs a processor with AVX-512 BF16";
    torch::manual_seed(1);
  }
};

TEST_F(FusedOperations, SwiGluIsThePlainOne) {
  for (const int64_t neurons : {32, 96, 352}) {
    const Leaf gate_up(3 * torch::randn({37, 2 * neurons}));
    const torch::Tensor fused = SwiGlu(gate_up.half);
    const torch::Tensor plain = SwiGlu(gate_up.full, Kernels::kPlain);
    EXPECT_LT(RelativeError(fused, plain), kTolerance);
    const torch::Tensor gradient = torch::randn({37, neurons}).to(torch::kBFloat16);
    fused.backward(gradient);
    plain.backward(gradient.to(torch::kFloat32));
    ExpectSameGradients(gate_up, "gate_up");
  }
}

TEST_F(FusedOperations, SwiGluSurvivesLargeGates) {
  const torch::Tensor gate_up =
      torch::full({1, 64}, 200.0, torch::kBFloat16).mul(torch::tensor({1, -1}).repeat({32}));
  EXPECT_TRUE(torch::isfinite(SwiGlu(gate_up)).all().item<bool>());
}

struct NormLeaves {
  torch::Tensor stream, weight;  // float32
  torch::Tensor branch;          // float32 or bfloat16, or undefined
};

NormLeaves CopyOf(const NormLeaves& leaves, torch::Dtype branch_type) {
  const auto copy = [](const torch::Tensor& tensor, torch::Dtype dtype) {
    return tensor.detach().to(dtype, /*non_blocking=*/false, /*copy=*/true).set_requires_grad(true);
  };
  return {copy(leaves.stream, torch::kFloat32), copy(leaves.weight, torch::kFloat32),
          leaves.branch.defined() ? copy(leaves.branch, branch_type) : torch::Tensor()};
}

void CheckAddNorm(bool with_branch, bool stream_is_used) {
  const NormLeaves base{2 * torch::randn({50, 96}), torch::rand({96}) + 0.5,
                        with_branch
                            ? torch::randn({50, 96}).to(torch::kBFloat16).to(torch::kFloat32)
                            : torch::Tensor()};
  const NormLeaves a = CopyOf(base, torch::kBFloat16);
  const NormLeaves b = CopyOf(base, torch::kFloat32);
  const NormedStream fused = AddNorm(a.stream, a.branch, a.weight, 1e-5, torch::kBFloat16);
  const NormedStream plain =
      AddNorm(b.stream, b.branch, b.weight, 1e-5, torch::kFloat32, Kernels::kPlain);
  EXPECT_TRUE(torch::allclose(fused.stream, plain.stream));
  EXPECT_LT(RelativeError(fused.normed, plain.normed), kTolerance);
  const torch::Tensor of_normed = torch::randn({50, 96}).to(torch::kBFloat16);
  const torch::Tensor of_stream = torch::randn({50, 96});
  const auto total = [&](const NormedStream& result) {
    torch::Tensor sum = (result.normed.to(torch::kFloat32) * of_normed).sum();
    return stream_is_used ? sum + (result.stream * of_stream).sum() : sum;
  };
  total(fused).backward();
  total(plain).backward();
  EXPECT_LT(RelativeError(a.stream.grad(), b.stream.grad()), kTolerance);
  EXPECT_LT(RelativeError(a.weight.grad(), b.weight.grad()), kTolerance);
  if (!with_branch) return;
  EXPECT_LT(RelativeError(a.branch.grad(), b.branch.grad()), kTolerance);
}

TEST_F(FusedOperations, AddNormIsThePlainOne) {
  for (const bool with_branch : {true, false}) {
    for (const bool stream_is_used : {true, false}) CheckAddNorm(with_branch, stream_is_used);
  }
}

SequenceLayout LayoutOf(const std::vector<int64_t>& lengths, int64_t head_dim) {
  std::vector<RowSpan> spans;
  int64_t rows = 0;
  for (const int64_t length : lengths) {
    spans.push_back({rows, length});
    rows += length;
  }
  return {std::move(spans), head_dim, 10000.0, torch::kCPU};
}

void CheckAttention(const AttentionShape& shape, const std::vector<int64_t>& lengths) {
  const SequenceLayout layout = LayoutOf(lengths, shape.head_dim);
  const Leaf packed(2 * torch::randn({layout.rows(), shape.packed_width()}));
  const torch::Tensor fused = PackedAttention(packed.half, shape, layout);
  const torch::Tensor plain = PackedAttention(packed.full, shape, layout, Kernels::kPlain);
  EXPECT_LT(RelativeError(fused, plain), kTolerance);
  const torch::Tensor gradient = torch::randn_like(plain).to(torch::kBFloat16);
  fused.backward(gradient);
  plain.backward(gradient.to(torch::kFloat32));
  ExpectSameGradients(packed, "queries, keys and values");
  const int64_t keys = shape.query_heads * shape.head_dim;
  const int64_t values = keys + shape.kv_heads * shape.head_dim;
  const auto part = [&](int64_t begin, int64_t end) {
    return RelativeError(packed.half.grad().slice(1, begin, end),
                         packed.full.grad().slice(1, begin, end));
  };
  EXPECT_LT(part(0, keys), kTolerance) << "queries";
  EXPECT_LT(part(keys, values), kTolerance) << "keys";
  EXPECT_LT(part(values, shape.packed_width()), kTolerance) << "values";
}

TEST_F(FusedOperations, AttentionIsThePlainOne) {
  CheckAttention({.query_heads = 4, .kv_heads = 2, .head_dim = 32}, {1});
  CheckAttention({.query_heads = 4, .kv_heads = 2, .head_dim = 32}, {2, 7, 8, 9, 15, 16, 17});
  CheckAttention({.query_heads = 6, .kv_heads = 2, .head_dim = 32}, {31, 32, 33, 100});
  CheckAttention({.query_heads = 3, .kv_heads = 3, .head_dim = 64}, {129, 5, 64});
  CheckAttention({.query_heads = 2, .kv_heads = 1, .head_dim = 96}, {40});
}

TEST_F(FusedOperations, SequencesDoNotSeeEachOther) {
  const AttentionShape shape{.query_heads = 2, .kv_heads = 1, .head_dim = 32};
  const torch::Tensor packed = torch::randn({50, shape.packed_width()}).to(torch::kBFloat16);
  const torch::Tensor together = PackedAttention(packed, shape, LayoutOf({20, 30}, 32));
  const torch::Tensor alone =
      PackedAttention(packed.slice(0, 20).contiguous(), shape, LayoutOf({30}, 32));
  EXPECT_TRUE(torch::equal(together.slice(0, 20), alone));
}

// The layouts differ: together the short ones are padded, and no gradient may come of the padding.
TEST(PlainAttention, SequencesTogetherGiveWhatEachGivesAlone) {
  torch::manual_seed(1);
  const AttentionShape shape{.query_heads = 4, .kv_heads = 2, .head_dim = 8};
  const std::vector<int64_t> lengths = {5, 1, 9};
  const SequenceLayout layout = LayoutOf(lengths, shape.head_dim);
  const torch::Tensor rows = torch::randn({layout.rows(), shape.packed_width()});
  const torch::Tensor weights = torch::randn({layout.rows(), shape.query_heads * shape.head_dim});
  const torch::Tensor together = rows.clone().set_requires_grad(true);
  const torch::Tensor mixed = PackedAttention(together, shape, layout, Kernels::kPlain);
  (mixed * weights).sum().backward();
  for (const RowSpan& span : layout.spans()) {
    const auto part = [&](const torch::Tensor& tensor) {
      return tensor.slice(0, span.begin, span.begin + span.length);
    };
    const SequenceLayout own = LayoutOf({span.length}, shape.head_dim);
    const torch::Tensor alone = part(rows).clone().set_requires_grad(true);
    const torch::Tensor result = PackedAttention(alone, shape, own, Kernels::kPlain);
    (result * part(weights)).sum().backward();
    EXPECT_LT(RelativeError(part(mixed), result), 1e-5) << span.length;
    EXPECT_LT(RelativeError(part(together.grad()), alone.grad()), 1e-5) << span.length;
  }
}

TEST_F(FusedOperations, WeightedLossIsThePlainOne) {
  constexpr int64_t kRows = 1100;  // more than are computed at once
  const Leaf hidden(torch::randn({kRows, 32}));
  const Leaf head(torch::randn({160, 32}));
  const torch::Tensor targets = torch::randint(160, {kRows}, torch::kInt64);
  const torch::Tensor weights = torch::rand({kRows}) * (torch::rand({kRows}) > 0.3) / kRows;
  const WeightedLosses fused = WeightedLoss(hidden.half, head.half, targets, weights);
  const WeightedLosses plain =
      WeightedLoss(hidden.full, head.full, targets, weights, Kernels::kPlain);
  EXPECT_LT(RelativeError(fused.rows, plain.rows), kTolerance);
  EXPECT_LT(RelativeError(fused.total, plain.total), kTolerance);
  (3 * fused.total).backward();
  (3 * plain.total).backward();
  ExpectSameGradients(hidden, "hidden");
  ExpectSameGradients(head, "head");
}

TEST_F(FusedOperations, ResultsDoNotDependOnThreads) {
  const Leaf gate_up(torch::randn({300, 64}));
  const torch::Tensor stream = torch::randn({300, 64});
  const auto weight_gradient = [&] {
    torch::Tensor weight = torch::ones({64}).set_requires_grad(true);
    AddNorm(stream, gate_up.half, weight, 1e-5, torch::kBFloat16).normed.sum().backward();
    return weight.grad();
  };
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const torch::Tensor one = weight_gradient();
  at::set_num_threads(2);
  const torch::Tensor two = weight_gradient();
  at::set_num_threads(threads);
  EXPECT_TRUE(torch::equal(one, two));
}

}  // namespace
}  // namespace elm
