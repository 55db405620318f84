#include "toolchain/trace/attainment.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

TEST(AttainmentTest, IsMetOverFeasibleWithMetOverAllBeside) {
  Attainment attainment;
  attainment.Add(/*request_feasible=*/true, 1);
  attainment.Add(true, 0);
  attainment.Add(true, 1);
  attainment.Add(false, 0);
  EXPECT_EQ(attainment.feasible, 3U);
  EXPECT_EQ(attainment.all, 4U);
  EXPECT_DOUBLE_EQ(attainment.share(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(attainment.of_all(), 0.5);
}

TEST(AttainmentTest, WhatNobodyCouldServeIsNeverMet) {
  Attainment attainment;
  attainment.Add(/*request_feasible=*/false, 1);  // in time by luck
  EXPECT_EQ(attainment.met, 0);
  EXPECT_EQ(attainment.feasible, 0U);
  EXPECT_EQ(attainment.of_all(), 0);
  attainment.Add(true, 1);
  EXPECT_DOUBLE_EQ(attainment.share(), 1);
  EXPECT_DOUBLE_EQ(attainment.of_all(), 0.5);
}

}  // namespace
}  // namespace elm
