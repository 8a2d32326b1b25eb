#include "tools/latencies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tools {
namespace {

TEST(Latencies, KnowNothingOfNothing) {
  const Latencies none;
  EXPECT_EQ(none.percentile_us(99), 0);
  EXPECT_EQ(none.max_us(), 0);
  EXPECT_EQ(none.mean_us(), 0);
}

TEST(Latencies, AreExactWhenSmall) {
  Latencies latencies;
  for (int i = 1; i <= 100; ++i) latencies.add(i);
  EXPECT_EQ(latencies.percentile_us(50), 50);
  EXPECT_EQ(latencies.percentile_us(99), 99);
  EXPECT_EQ(latencies.percentile_us(100), 100);
  EXPECT_DOUBLE_EQ(latencies.mean_us(), 50.5);
}

TEST(Latencies, CountByWeight) {
  Latencies latencies;
  latencies.add(10, 99);
  latencies.add(1'000'000, 1);
  EXPECT_EQ(latencies.count(), 100);
  EXPECT_EQ(latencies.percentile_us(99), 10);
  EXPECT_EQ(latencies.percentile_us(99.9), 1'000'000);
}

TEST(Latencies, AreNeverBelowNorMuchAboveTheTruth) {
  std::mt19937_64 random(7);
  std::vector<std::int64_t> values;
  Latencies latencies;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(static_cast<std::int64_t>(random() >> (random() % 40 + 24)));
    latencies.add(values.back());
  }
  std::ranges::sort(values);
  for (const double percent : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto exact = values[static_cast<std::size_t>(std::ceil(percent * 100)) - 1];
    EXPECT_GE(latencies.percentile_us(percent), exact) << percent;
    EXPECT_LE(latencies.percentile_us(percent), exact + exact / 64 + 1) << percent;
  }
}

TEST(Latencies, AreShownInMilliseconds) {
  Latencies latencies;
  latencies.add(1500);
  EXPECT_EQ(latencies.text(), "mean 1.50, p50 1.50, p90 1.50, p99 1.50, p99.9 1.50, max 1.50");
}

}  // namespace
}  // namespace tools
