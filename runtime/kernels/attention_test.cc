// Attention on every instruction set that this machine has.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "formats/base/dtype.h"
#include "runtime/kernels/kv_layout.h"
#include "runtime/kernels/testing/random.h"
#include "runtime/kernels/testing/supported_kernels.h"

namespace elm {
namespace {

using testing::RandomFloats;
using testing::SupportedKernels;

struct Cache {
  Cache(const KernelTable& kernels, size_t head_dim, size_t positions, size_t context)
      : keys(KeyBytes(KvType::kF16, context, head_dim) / 2, FloatToF16(std::nanf(""))),
        values(ValueBytes(KvType::kF16, context, head_dim) / 2, FloatToF16(std::nanf(""))),
        key_rows(RandomFloats(positions * head_dim, 2)),
        value_rows(RandomFloats(positions * head_dim, 3)) {
    for (size_t p = 0; p < positions; ++p) {
      kernels.store_kv[0](key_rows.data() + p * head_dim, value_rows.data() + p * head_dim,
                          head_dim, p, keys.data(), values.data());
    }
    for (float& value : key_rows) value = F16ToFloat(FloatToF16(value));
    for (float& value : value_rows) value = F16ToFloat(FloatToF16(value));
  }

  std::vector<uint16_t> keys;  // what is not stored is no number
  std::vector<uint16_t> values;
  std::vector<float> key_rows;  // as stored
  std::vector<float> value_rows;
};

std::vector<double> Reference(const float* query, const std::vector<float>& keys,
                              const std::vector<float>& values, size_t head_dim, size_t positions) {
  std::vector<double> weights(positions);
  double sum = 0;
  for (size_t p = 0; p < positions; ++p) {
    double dot = 0;
    for (size_t i = 0; i < head_dim; ++i) {
      dot += double{query[i]} * keys[p * head_dim + i];
    }
    weights[p] = std::exp(dot / std::sqrt(static_cast<double>(head_dim)));
    sum += weights[p];
  }
  std::vector<double> output(head_dim, 0);
  for (size_t p = 0; p < positions; ++p) {
    for (size_t i = 0; i < head_dim; ++i) {
      output[i] += weights[p] / sum * values[p * head_dim + i];
    }
  }
  return output;
}

TEST(AttentionTest, AgreesWithDoublePrecision) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t head_dim : {2, 8, 16, 24, 32, 64, 100}) {
      for (const size_t start : {0, 1, 6, 64, 65}) {
        for (const size_t tokens : {1, 2, 4, 5, 6, 8, 10, 11, 21}) {
          const size_t positions = start + tokens;
          const Cache cache(*kernels, head_dim, positions, positions + 9);
          const size_t stride = head_dim + 6;
          const auto queries = RandomFloats(tokens * stride, 1);
          std::vector<float> scores(AttentionScratch(positions));
          std::vector<float> outputs(tokens * stride, 77.0F);
          kernels->attend[0]({queries.data(), stride, cache.keys.data(), cache.values.data(),
                              head_dim, start, tokens, scores.data(), outputs.data(), stride});
          for (size_t t = 0; t < tokens; ++t) {
            const auto expected = Reference(queries.data() + t * stride, cache.key_rows,
                                            cache.value_rows, head_dim, start + t + 1);
            for (size_t i = 0; i < stride; ++i) {
              const double wanted = i < head_dim ? expected[i] : 77.0;
              ASSERT_NEAR(outputs[t * stride + i], wanted, 1e-5)
                  << kernels->name << " " << head_dim << " start " << start << " token " << t;
            }
          }
        }
      }
    }
  }
}

// As an encoder attends: every token sees every position, the later ones too.
TEST(AttentionTest, EveryTokenMaySeeAllPositions) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t head_dim : {8, 24, 32}) {
      for (const size_t positions : {1, 4, 7, 10, 16, 33}) {
        const Cache cache(*kernels, head_dim, positions, positions + 9);
        const auto queries = RandomFloats(positions * head_dim, 1);
        std::vector<float> scores(AttentionScratch(positions));
        std::vector<float> outputs(positions * head_dim);
        // Not all at once: where the tokens stand does not matter.
        const size_t half = positions / 2;
        for (const auto& [begin, end] : {std::pair{size_t{0}, half}, std::pair{half, positions}}) {
          kernels->attend[0]({.queries = queries.data() + begin * head_dim,
                              .query_stride = head_dim,
                              .keys = cache.keys.data(),
                              .values = cache.values.data(),
                              .head_dim = head_dim,
                              .start = 0,
                              .tokens = end - begin,
                              .scores = scores.data(),
                              .outputs = outputs.data() + begin * head_dim,
                              .output_stride = head_dim,
                              .all_see = positions});
        }
        for (size_t t = 0; t < positions; ++t) {
          const auto expected = Reference(queries.data() + t * head_dim, cache.key_rows,
                                          cache.value_rows, head_dim, positions);
          for (size_t i = 0; i < head_dim; ++i) {
            ASSERT_NEAR(outputs[t * head_dim + i], expected[i], 1e-5)
                << kernels->name << " " << head_dim << " of " << positions << " token " << t;
          }
        }
      }
    }
  }
}

TEST(AttentionTest, AnF32CacheRoundsNothing) {
  constexpr size_t kHeadDim = 24;
  constexpr size_t kPositions = 21;
  const auto keys = RandomFloats(kPositions * kHeadDim, 2);
  const auto values = RandomFloats(kPositions * kHeadDim, 3);
  const auto queries = RandomFloats(kPositions * kHeadDim, 1);
  for (const KernelTable* kernels : SupportedKernels()) {
    std::vector<float> key_cache(KeyBytes(KvType::kF32, kPositions, kHeadDim) / 4);
    std::vector<float> value_cache(ValueBytes(KvType::kF32, kPositions, kHeadDim) / 4);
    for (size_t p = 0; p < kPositions; ++p) {
      kernels->store_kv[1](keys.data() + p * kHeadDim, values.data() + p * kHeadDim, kHeadDim, p,
                           key_cache.data(), value_cache.data());
    }
    std::vector<float> scores(AttentionScratch(kPositions));
    std::vector<float> outputs(kPositions * kHeadDim);
    kernels->attend[1]({queries.data(), kHeadDim, key_cache.data(), value_cache.data(), kHeadDim, 0,
                        kPositions, scores.data(), outputs.data(), kHeadDim});
    for (size_t t = 0; t < kPositions; ++t) {
      const auto expected = Reference(queries.data() + t * kHeadDim, keys, values, kHeadDim, t + 1);
      for (size_t i = 0; i < kHeadDim; ++i) {
        ASSERT_NEAR(outputs[t * kHeadDim + i], expected[i], 2e-6) << kernels->name << " " << t;
      }
    }
  }
}

// What 8-bit integers with one scale for each row make of `rows`.
std::vector<float> RoundedRows(std::vector<float> rows, size_t head_dim) {
  for (size_t first = 0; first < rows.size(); first += head_dim) {
    float largest = 0;
    for (size_t i = 0; i < head_dim; ++i) largest = std::max(largest, std::abs(rows[first + i]));
    for (size_t i = 0; i < head_dim; ++i) {
      float& value = rows[first + i];
      value = std::nearbyintf(value * (127.0F / largest)) * (largest / 127.0F);
    }
  }
  return rows;
}

TEST(AttentionTest, AnIntegerCacheAgreesWithWhatItsIntegersStandFor) {
  constexpr size_t kPositions = 39;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const size_t head_dim : {2, 24, 32, 64, 100}) {
    const auto keys = RandomFloats(kPositions * head_dim, 2);
    const auto values = RandomFloats(kPositions * head_dim, 3);
    const auto queries = RandomFloats(kPositions * head_dim, 1);
    const auto stored_keys = RoundedRows(keys, head_dim);
    const auto stored_values = RoundedRows(values, head_dim);
    for (const KernelTable* kernels : SupportedKernels()) {
      // What is not stored is no number where it can be.
      std::vector<float> key_cache(KeyBytes(KvType::kQ8, kPositions, head_dim) / 4, kNan);
      std::vector<int8_t> value_cache(ValueBytes(KvType::kQ8, kPositions, head_dim), 99);
      for (size_t p = 0; p < kPositions; ++p) {
        kernels->store_kv[2](keys.data() + p * head_dim, values.data() + p * head_dim, head_dim, p,
                             key_cache.data(), value_cache.data());
      }
      std::vector<float> scores(AttentionScratch(kPositions), kNan);
      std::vector<float> outputs(kPositions * head_dim);
      kernels->attend[2]({queries.data(), head_dim, key_cache.data(), value_cache.data(), head_dim,
                          0, kPositions, scores.data(), outputs.data(), head_dim});
      for (size_t t = 0; t < kPositions; ++t) {
        const auto expected =
            Reference(queries.data() + t * head_dim, stored_keys, stored_values, head_dim, t + 1);
        for (size_t i = 0; i < head_dim; ++i) {
          ASSERT_NEAR(outputs[t * head_dim + i], expected[i], 5e-6)
              << kernels->name << " " << head_dim << " " << t;
        }
      }
    }
  }
}

TEST(AttentionTest, LargeScoresDoNotOverflow) {
  for (const KernelTable* kernels : SupportedKernels()) {
    const std::vector<float> query = {300.0F, 0.0F};
    const float keys[2][2] = {{300.0F, 0.0F}, {-300.0F, 0.0F}};
    const float values[2][2] = {{1.0F, 2.0F}, {3.0F, 4.0F}};
    std::vector<uint16_t> key_cache(KeyBytes(KvType::kF16, 2, 2) / 2);
    std::vector<uint16_t> value_cache(ValueBytes(KvType::kF16, 2, 2) / 2);
    for (size_t p = 0; p < 2; ++p) {
      kernels->store_kv[0](keys[p], values[p], 2, p, key_cache.data(), value_cache.data());
    }
    std::vector<float> scores(AttentionScratch(2));
    std::vector<float> output(2);
    kernels->attend[0]({query.data(), 2, key_cache.data(), value_cache.data(), 2, 1, 1,
                        scores.data(), output.data(), 2});
    EXPECT_FLOAT_EQ(output[0], 1.0F) << kernels->name;
    EXPECT_FLOAT_EQ(output[1], 2.0F) << kernels->name;
  }
}

TEST(AttentionTest, KeysAndValuesAreRoundedAsTheFormatDoes) {
  for (const KernelTable* kernels : SupportedKernels()) {
    const float odd[] = {1e-7F, -3e-6F, 65519.0F, 1e9F, 0.1F, -0.0F, 6.1e-5F, 5.9e-8F};
    std::vector<uint16_t> keys(KeyBytes(KvType::kF16, 1, 8) / 2);
    std::vector<uint16_t> values(ValueBytes(KvType::kF16, 1, 8) / 2);
    kernels->store_kv[0](odd, odd, 8, 0, keys.data(), values.data());
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(keys[i * kKeyBlock], FloatToF16(odd[i])) << kernels->name << " " << odd[i];
      EXPECT_EQ(values[i], FloatToF16(odd[i])) << kernels->name << " " << odd[i];
    }
  }
}

}  // namespace
}  // namespace elm
