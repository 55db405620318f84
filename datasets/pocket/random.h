// Random choices that are the same on every machine (the standard's distributions are not).
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

namespace elm::pocket {

// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  // 0 .. count - 1; count > 0. The bias, below 2^-40 for counts that occur here, does not matter.
  size_t Below(size_t count) {
    return static_cast<size_t>((static_cast<unsigned __int128>(Next()) * count) >> 64);
  }
  // lowest .. highest.
  int Between(int lowest, int highest) {
    return lowest + static_cast<int>(Below(static_cast<size_t>(highest - lowest) + 1));
  }
  bool Chance(double probability) {
    return static_cast<double>(Next() >> 11) * 0x1.0p-53 < probability;
  }
  // A copy of one element.
  template <typename Container>
  auto Pick(const Container& from) {
    return from[Below(std::size(from))];
  }
  template <typename Container>
  void Shuffle(Container& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Below(i)]);
  }

 private:
  uint64_t state_;
};

}  // namespace elm::pocket
