// Means and how far to trust them.
//
// Questions are a sample of all that could have been asked, so every mean has the standard error of
// a sample mean; two models that answered the same questions are compared question by question,
// which takes the questions' own difficulty out of the error. (E. Miller, "Adding Error Bars to
// Evals", arXiv 2411.00640.)
#pragma once

#include <span>
#include <vector>

namespace elm {

struct Estimate {
  double value = 0;
  double standard_error = 0;  // NaN where one item says nothing about the spread
};

// Mean of at least one value; its standard error is sqrt(sum (x - mean)^2 / (n - 1) / n).
Estimate MeanOf(std::span<const double> values);

// Mean of a[i] - b[i], which lie side by side, and its paired standard error.
Estimate PairedDifference(std::span<const double> a, std::span<const double> b);

// Unweighted mean of independent estimates, at least one: sqrt(sum of squared errors) / n.
Estimate MeanOfEstimates(std::span<const Estimate> estimates);

// The share of the way from chance (0) to always right (1) that an accuracy has come; negative
// below chance. `chance` < 1.
double FromChance(double accuracy, double chance);

}  // namespace elm
