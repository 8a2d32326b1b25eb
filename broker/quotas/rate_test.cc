#include "broker/quotas/rate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace broker {
namespace {

constexpr QuotaWindows eleven_seconds{.count = 11, .window_ms = 1'000};

TEST(SampledRate, WithLittleMeasuredTenWindowsCountAllTheSame) {
  SampledRate rate(eleven_seconds);
  rate.record(1'000, 5'000);
  EXPECT_DOUBLE_EQ(rate.per_second(5'000), 100);
  EXPECT_DOUBLE_EQ(rate.per_second(5'500), 1'000 / 10.5);
}

TEST(SampledRate, AWindowIsForgottenAfterAllWindowsTime) {
  SampledRate rate(eleven_seconds);
  rate.record(1'000, 0);
  EXPECT_DOUBLE_EQ(rate.per_second(10'999), 1'000 / 10.999);
  EXPECT_DOUBLE_EQ(rate.per_second(11'000), 0);
}

TEST(SampledRate, ASteadyStreamIsMeasuredAsItIs) {
  SampledRate rate(eleven_seconds);
  for (std::int64_t now = 0; now <= 60'000; now += 100) rate.record(50, now);
  EXPECT_NEAR(rate.per_second(60'000), 500, 10);
}

TEST(SampledRate, TheThrottleIsTheTimeThatBringsTheRateDownToTheLimit) {
  struct Case {
    double recorded;
    double limit;
    std::int64_t throttle_ms;
  };
  // Over ten seconds: (recorded / 10 - limit) / limit * 10 s.
  for (const Case& c : {Case{1'000, 100, 0}, Case{1'001, 100, 10}, Case{2'000, 100, 10'000}, Case{3'000, 100, 20'000},
                        Case{1'000, 1e12, 0}, Case{0, 0, 0}, Case{1, 0, 11'000}, Case{1e300, 1e-300, INT32_MAX}}) {
    SampledRate rate(eleven_seconds);
    rate.record(c.recorded, 0);
    EXPECT_EQ(rate.throttle_ms(c.limit, 0), c.throttle_ms) << c.recorded << " of " << c.limit;
  }
}

// As in Kafka: silence before the first value counts as little as silence after it.
TEST(SampledRate, ABurstCountsInFullUntilItsWindowIsForgotten) {
  SampledRate rate(eleven_seconds);
  rate.record(1'500, 0);
  EXPECT_EQ(rate.throttle_ms(100, 0), 5'000);
  EXPECT_EQ(rate.throttle_ms(100, 5'000), 5'000);
  EXPECT_EQ(rate.throttle_ms(100, 10'999), 4'001);
  EXPECT_EQ(rate.throttle_ms(100, 11'000), 0);
}

TEST(SampledRate, WhatIsTakenBackWasNeverThere) {
  SampledRate rate(eleven_seconds);
  rate.record(300, 0);
  rate.record(5'000, 10);
  rate.record(-5'000, 10);
  EXPECT_EQ(rate.throttle_ms(100, 10), 0);
  EXPECT_DOUBLE_EQ(rate.per_second(0), 30);
}

TEST(SampledRate, OneWindowIsTheTimeThatPassed) {
  SampledRate rate({.count = 1, .window_ms = 1'000});
  rate.record(10, 0);
  EXPECT_DOUBLE_EQ(rate.per_second(0), 10'000) << "a millisecond at least";
  EXPECT_DOUBLE_EQ(rate.per_second(500), 20);
}

TEST(TokenBucket, ABurstOfAllWindowsIsAllowedAndBeyondItsDebtIsPaidBack) {
  TokenBucket bucket(eleven_seconds);
  EXPECT_DOUBLE_EQ(bucket.left(2, 0), 22);
  bucket.take(22, 2, 0);
  EXPECT_EQ(bucket.throttle_ms(2, 0), 0) << "none left, but none missing";
  bucket.take(5, 2, 0);
  EXPECT_EQ(bucket.throttle_ms(2, 0), 2'500);
  EXPECT_EQ(bucket.throttle_ms(2, 1'000), 1'500);
  EXPECT_EQ(bucket.throttle_ms(2, 2'500), 0);
}

TEST(TokenBucket, ItHoldsNoMoreThanAllWindowsBring) {
  TokenBucket bucket(eleven_seconds);
  bucket.take(1, 2, 0);
  EXPECT_DOUBLE_EQ(bucket.left(2, 3'600'000), 22);
  EXPECT_DOUBLE_EQ(bucket.left(1, 3'600'000), 11) << "a lower limit holds at once";
}

TEST(TokenBucket, ALimitOfNothingGivesBackNothing) {
  TokenBucket bucket(eleven_seconds);
  bucket.take(1, 0, 0);
  EXPECT_EQ(bucket.throttle_ms(0, 0), 11'000);
  EXPECT_EQ(bucket.throttle_ms(0, 60'000), 11'000);
}

TEST(RecentAverage, IsOfTheLastMinute) {
  RecentAverage average;
  EXPECT_TRUE(std::isnan(average.value(0)));
  average.record(10, 0);
  average.record(30, 1'000);
  EXPECT_DOUBLE_EQ(average.value(2'000), 20);
  EXPECT_TRUE(std::isnan(average.value(61'000)));
}

}  // namespace
}  // namespace broker
