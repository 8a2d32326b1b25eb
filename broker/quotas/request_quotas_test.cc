#include "broker/quotas/request_quotas.h"

#include <gtest/gtest.h>

#include <vector>

#include "broker/test_support.h"

namespace broker {
namespace {

constexpr QuotaWindows windows{.count = 11, .window_ms = 1'000};
constexpr QuotaClient client{.user = "ANONYMOUS", .client_id = "app"};

struct MutedConnection final : RequestOwner {
  void ordered_part_done() override {}
  void decoded(std::size_t) override {}
  void mute(std::int64_t duration_ms) override { muted_ms.push_back(duration_ms); }
  std::vector<std::int64_t> muted_ms;
};

class RequestQuotasTest : public testing::Test {
 protected:
  void limit(QuotaKind kind, double per_second) {
    QuotaValues values;
    values[static_cast<std::size_t>(kind)] = per_second;
    quotas_.set({.user = {}, .client_id = EntityPart::named("app")}, values);
  }
  RequestQuotas request(std::int64_t network_ns = 0) {
    return RequestQuotas(quotas_, clock_, client, &connection_, std::chrono::steady_clock::now(), network_ns);
  }

  ClientQuotas quotas_{windows, windows};
  protocol::ManualClock clock_;
  MutedConnection connection_;
};

TEST_F(RequestQuotasTest, ProducingTooMuchMutesAtOnceAndTheAnswerSaysSo) {
  limit(QuotaKind::produce, 100);
  RequestQuotas first = request();
  first.charge_produce(1'000);
  EXPECT_EQ(first.settle(), 0);
  EXPECT_TRUE(connection_.muted_ms.empty());
  RequestQuotas second = request();
  second.charge_produce(500);
  EXPECT_EQ(connection_.muted_ms, (std::vector<std::int64_t>{5'000}));
  EXPECT_EQ(second.settle(), 5'000);
  EXPECT_DOUBLE_EQ(quotas_.measured(clock_.monotonic_ms()).front().throttle_time_ms, 5'000);
}

TEST_F(RequestQuotasTest, AThrottledFetchIsEmptyAndNotCharged) {
  limit(QuotaKind::fetch, 100);
  RequestQuotas whole = request();
  EXPECT_EQ(whole.fetch_max_bytes(), 1'000);
  EXPECT_FALSE(whole.charge_fetch(1'000));
  RequestQuotas throttled = request();
  EXPECT_TRUE(throttled.charge_fetch(1'000));
  EXPECT_EQ(throttled.settle(), 10'000);
  clock_.advance_ms(11'000);
  RequestQuotas later = request();
  EXPECT_FALSE(later.charge_fetch(1'000)) << "what was refused doesn't count";
}

TEST_F(RequestQuotasTest, TimeIsChargedOnceAndWaitsForItAreAWindowAtMost) {
  limit(QuotaKind::request, 1e-9);
  RequestQuotas slow = request(5'000'000);
  EXPECT_EQ(slow.settle(), 1'000);
  const double percent = quotas_.measured(clock_.monotonic_ms()).front().value;
  EXPECT_GE(percent, 0.05) << "5 ms in 10 s";
  EXPECT_EQ(slow.settle(), 1'000);
  EXPECT_DOUBLE_EQ(quotas_.measured(clock_.monotonic_ms()).front().value, percent);
}

TEST_F(RequestQuotasTest, OtherBrokersAreExempt) {
  limit(QuotaKind::request, 0);
  RequestQuotas follower = request(1'000);
  follower.exempt();
  EXPECT_EQ(follower.fetch_max_bytes(), INT32_MAX);
  EXPECT_FALSE(follower.charge_fetch(1 << 30));
  EXPECT_EQ(follower.settle(), 0);
  EXPECT_TRUE(connection_.muted_ms.empty());
}

TEST_F(RequestQuotasTest, TheLongerWaitCounts) {
  limit(QuotaKind::produce, 100);
  RequestQuotas both = request();
  both.throttle(QuotaKind::controller_mutation, 700);
  both.charge_produce(1'050);
  EXPECT_EQ(both.settle(), 700);
  RequestQuotas other = request();
  other.throttle(QuotaKind::controller_mutation, 700);
  other.charge_produce(1'000);
  EXPECT_EQ(other.settle(), 10'500);
}

TEST_F(RequestQuotasTest, AStrictMutationQuotaRefusesUntilPermitsAreBack) {
  limit(QuotaKind::controller_mutation, 1);
  RequestQuotas changes = request();
  MutationQuota strict(&changes, true);
  EXPECT_TRUE(strict.take(13));
  const auto refused = strict.take(1);
  EXPECT_EQ(refused.code(), protocol::ErrorCode::throttling_quota_exceeded);
  EXPECT_TRUE(refused.error().message.empty()) << "the code says it all, in Kafka, too";
  clock_.advance_ms(500);
  strict.settle();
  EXPECT_EQ(changes.settle(), 1'500);
}

TEST_F(RequestQuotasTest, APermissiveMutationQuotaOnlyDelays) {
  limit(QuotaKind::controller_mutation, 1);
  RequestQuotas changes = request();
  MutationQuota permissive(&changes, false);
  EXPECT_TRUE(permissive.take(13));
  EXPECT_TRUE(permissive.take(1));
  permissive.settle();
  EXPECT_EQ(changes.settle(), 3'000);
}

TEST_F(RequestQuotasTest, WithoutQuotasEverythingIsAllowed) {
  MutationQuota unlimited(nullptr, true);
  EXPECT_TRUE(unlimited.take(1'000'000));
  unlimited.settle();
}

// A request that slept isn't charged for it. What it did before takes microseconds, of a limit of seconds.
TEST_F(RequestQuotasTest, WaitingIsNotWork) {
  limit(QuotaKind::request, 0.05);
  TestLoop loop;
  RequestContext context(loop.executor(), loop.connection(), {});
  RequestQuotas charged = request();
  context.charge_to(charged);
  const auto sleep = [&]() -> awaitable<Wake> {
    Waiter waiter(context);
    co_return co_await waiter.wait_for(100);
  };
  EXPECT_EQ(loop.run(sleep()), Wake::deadline);
  charged.settle();
  EXPECT_LT(quotas_.measured(clock_.monotonic_ms()).front().value, 0.9) << "100 ms of 10 s are 1 per cent";
}

}  // namespace
}  // namespace broker
