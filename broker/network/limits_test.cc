// The bounds of the network side: connection quotas, request memory, log lines, and the guesses about foreign
// protocols.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "broker/network/connection_quotas.h"
#include "broker/network/foreign_protocol.h"
#include "broker/network/log_limiter.h"
#include "broker/network/memory_budget.h"
#include "broker/test_support.h"

namespace broker {
namespace {

using Outcome = ConnectionQuotas::Outcome;
using testing::HasSubstr;

std::span<const std::byte> bytes(std::string_view text) { return protocol::as_bytes(text); }

Outcome admit(ConnectionQuotas& quotas, std::string_view ip, std::int64_t now_ms = 0) {
  return quotas.admit("PLAINTEXT", ip, now_ms).outcome;
}

TEST(ConnectionQuotas, CountsByAddressWithOverrides) {
  ConnectionQuotas quotas({.per_ip_max = 1, .per_ip_overrides = {{"10.0.0.9", 2}}});
  EXPECT_EQ(admit(quotas, "10.0.0.1"), Outcome::admitted);
  EXPECT_EQ(admit(quotas, "10.0.0.1"), Outcome::over_ip_limit);
  EXPECT_EQ(admit(quotas, "10.0.0.9"), Outcome::admitted);
  EXPECT_EQ(admit(quotas, "10.0.0.9"), Outcome::admitted);
  EXPECT_EQ(admit(quotas, "10.0.0.9"), Outcome::over_ip_limit);
  EXPECT_EQ(quotas.total(), 3);
  quotas.release("PLAINTEXT", "10.0.0.1");
  EXPECT_EQ(admit(quotas, "10.0.0.1"), Outcome::admitted);
}

TEST(ConnectionQuotas, LimitsMayChangeWhileConnectionsStand) {
  ConnectionQuotas quotas({.per_ip_max = 5});
  for (int i = 0; i < 5; ++i) admit(quotas, "a");
  quotas.set_limits({.per_ip_max = 2});
  EXPECT_EQ(admit(quotas, "a"), Outcome::over_ip_limit);
  quotas.set_limits({.per_ip_max = 6});
  EXPECT_EQ(admit(quotas, "a"), Outcome::admitted);
}

// Over the ten whole windows that Kafka measures; a wait is a window at most.
TEST(ConnectionQuotas, ABurstIsTenSecondsWorthThenTheRateHolds) {
  ConnectionQuotas quotas({.creation_rate = 10});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(quotas.ms_until_allowed("PLAINTEXT", 1'000), 0);
    admit(quotas, "a", 1'000);
  }
  admit(quotas, "a", 1'000);
  EXPECT_EQ(quotas.ms_until_allowed("PLAINTEXT", 1'000), 100);
  EXPECT_EQ(quotas.ms_until_allowed("OTHER", 1'060), 40) << "the rate is the whole broker's";
  EXPECT_EQ(quotas.ms_until_allowed("PLAINTEXT", 1'100), 0);
  for (int i = 0; i < 100; ++i) admit(quotas, "a", 1'100);
  EXPECT_EQ(quotas.ms_until_allowed("PLAINTEXT", 1'100), 1'000);
}

TEST(ConnectionQuotas, ListenersHaveLimitsOfTheirOwn) {
  TestLoop loop;
  Waiter waiter(loop.executor(), nullptr);
  ConnectionQuotas quotas({.total_max = 3, .listeners = {{"EXTERNAL", {.connections_max = 1, .creation_rate = 1}}}});
  for (int i = 0; i < 10; ++i) quotas.admit("EXTERNAL", "a", 0);
  EXPECT_EQ(quotas.ms_until_allowed("EXTERNAL", 0), 0);
  for (int i = 0; i < 10; ++i) quotas.release("EXTERNAL", "a");
  quotas.admit("EXTERNAL", "a", 0);
  EXPECT_EQ(quotas.ms_until_allowed("EXTERNAL", 0), 1'000);
  EXPECT_EQ(quotas.ms_until_allowed("PLAINTEXT", 0), 0);
  EXPECT_FALSE(quotas.has_room("EXTERNAL", waiter.handle()));
  EXPECT_THAT(quotas.no_room_cause("EXTERNAL"), HasSubstr("its listener"));
  EXPECT_TRUE(quotas.has_room("PLAINTEXT"));
  admit(quotas, "a");
  admit(quotas, "a");
  EXPECT_FALSE(quotas.has_room("PLAINTEXT"));
  EXPECT_EQ(quotas.no_room_cause("PLAINTEXT"), "max.connections allows");
}

TEST(ConnectionQuotas, TheBrokersOwnListenerIsNotStarvedByClients) {
  ConnectionQuotas quotas(
      {.total_max = 1, .room = 3, .room_cause = "the files", .creation_rate = 1, .protected_listener = "INTERNAL"});
  for (int i = 0; i < 20; ++i) quotas.admit("EXTERNAL", "a", 0);
  EXPECT_EQ(quotas.ms_until_allowed("EXTERNAL", 0), 1'000);
  EXPECT_EQ(quotas.ms_until_allowed("INTERNAL", 0), 0);
  for (int i = 0; i < 18; ++i) quotas.release("EXTERNAL", "a");
  EXPECT_FALSE(quotas.has_room("EXTERNAL"));
  EXPECT_TRUE(quotas.has_room("INTERNAL"));
  quotas.admit("INTERNAL", "b", 0);
  EXPECT_FALSE(quotas.has_room("INTERNAL"));
  EXPECT_EQ(quotas.no_room_cause("INTERNAL"), "the files") << "what the machine lacks, it lacks for all";
}

TEST(ConnectionQuotas, AnAddressOverItsRateIsRefusedAndCountsForNobody) {
  IpRates rates;
  ConnectionQuotas quotas({.creation_rate = 2}, &rates);
  rates.set_default(1);
  rates.set("10.0.0.9", 2);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(admit(quotas, "10.0.0.1"), Outcome::admitted);
  const auto refused = quotas.admit("PLAINTEXT", "10.0.0.1", 0);
  EXPECT_EQ(refused.outcome, Outcome::over_ip_rate);
  EXPECT_EQ(refused.wait_ms, 1'000);
  EXPECT_EQ(quotas.total(), 10);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(admit(quotas, "10.0.0.9"), Outcome::admitted);
  EXPECT_EQ(quotas.ms_until_allowed("PLAINTEXT", 0), 0) << "20 connections in 10 s";
  EXPECT_EQ(admit(quotas, "10.0.0.1", 1'000), Outcome::over_ip_rate);
  EXPECT_EQ(admit(quotas, "10.0.0.1", 11'000), Outcome::admitted) << "the burst is forgotten";
  rates.set_default(std::nullopt);
  EXPECT_EQ(admit(quotas, "10.0.0.2", 1'000), Outcome::admitted);
}

TEST(ConnectionQuotas, WhatIsKeptOfAddressesIsBounded) {
  IpRates rates;
  rates.set_default(100);
  ConnectionQuotas quotas({}, &rates);
  for (std::size_t i = 0; i <= 2 * ConnectionQuotas::measured_addresses_max; ++i) {
    EXPECT_EQ(admit(quotas, std::to_string(i)), Outcome::admitted);
  }
}

TEST(ConnectionQuotas, AFullBrokerTellsTheWaiterWhenOneLeft) {
  TestLoop loop;
  Waiter waiter(loop.executor(), nullptr);
  ConnectionQuotas quotas({.total_max = 1});
  admit(quotas, "a");
  EXPECT_FALSE(quotas.has_room("PLAINTEXT", waiter.handle()));
  quotas.release("PLAINTEXT", "a");
  EXPECT_TRUE(waiter.handle().notified());
  EXPECT_TRUE(quotas.has_room("PLAINTEXT", waiter.handle()));
}

// Each listener waits on its own, "localhost" even twice.
TEST(ConnectionQuotas, AFullBrokerTellsEveryListenerThatWaits) {
  TestLoop loop;
  Waiter first(loop.executor(), nullptr);
  Waiter second(loop.executor(), nullptr);
  ConnectionQuotas quotas({.total_max = 1});
  admit(quotas, "a");
  EXPECT_FALSE(quotas.has_room("PLAINTEXT", first.handle()));
  EXPECT_FALSE(quotas.has_room("PLAINTEXT", second.handle()));
  quotas.release("PLAINTEXT", "a");
  EXPECT_TRUE(first.handle().notified());
  EXPECT_TRUE(second.handle().notified());
}

TEST(ConnectionQuotas, ConnectionsLeaveRoomForTheFilesOfTheLogs) {
  EXPECT_EQ(connections_beside_files(1 << 20), (1 << 20) - 4096 - 96);
  EXPECT_EQ(connections_beside_files(1024), 512 - 96);
  EXPECT_EQ(connections_beside_files(64), 8);
  EXPECT_EQ(connections_beside_files(1), 1);
}

// One who asks the budget.
struct Taker {
  Taker(TestLoop& loop, MemoryBudget& budget)
      : waiter(loop.executor(), nullptr), place(std::in_place, budget, waiter.handle()) {}
  bool notified() const { return waiter.handle().notified(); }
  Waiter waiter;
  std::optional<MemoryBudget::Place> place;
};

TEST(MemoryBudget, GivesUntilItIsUsedUpAndWakesWhoWaits) {
  TestLoop loop;
  MemoryBudget budget(100);
  Taker first(loop, budget), second(loop, budget);
  ASSERT_TRUE(budget.try_take(60, *first.place));
  EXPECT_FALSE(budget.try_take(60, *second.place));
  EXPECT_FALSE(second.notified());
  EXPECT_TRUE(budget.is_awaited());
  {
    const BudgetShare share(budget, 60);
  }
  EXPECT_TRUE(second.notified());
  EXPECT_TRUE(budget.try_take(60, *second.place));
  EXPECT_FALSE(budget.is_awaited());
  EXPECT_EQ(budget.held(), 60);
}

TEST(MemoryBudget, ARequestLargerThanEverythingPassesAlone) {
  TestLoop loop;
  MemoryBudget budget(100);
  Taker large(loop, budget), small(loop, budget);
  EXPECT_TRUE(budget.try_take(1000, *large.place));
  EXPECT_FALSE(budget.try_take(1, *small.place));
}

TEST(MemoryBudget, SmallRequestsDoNotOvertakeALargeOne) {
  TestLoop loop;
  MemoryBudget budget(100);
  Taker running(loop, budget), large(loop, budget), small(loop, budget), late(loop, budget);
  ASSERT_TRUE(budget.try_take(60, *running.place));
  EXPECT_FALSE(budget.try_take(90, *large.place));
  EXPECT_FALSE(budget.try_take(10, *small.place)) << "there is room, but not for who came first";
  budget.give_back(60);
  EXPECT_TRUE(large.notified());
  EXPECT_FALSE(small.notified());
  EXPECT_FALSE(budget.try_take(10, *late.place));
  EXPECT_TRUE(budget.try_take(90, *large.place));
  EXPECT_TRUE(small.notified()) << "there is room for it now";
  EXPECT_TRUE(budget.try_take(10, *small.place));
  EXPECT_TRUE(late.notified());
}

TEST(MemoryBudget, WhoGivesUpLetsTheNextOneIn) {
  TestLoop loop;
  MemoryBudget budget(100);
  Taker running(loop, budget), large(loop, budget), small(loop, budget);
  ASSERT_TRUE(budget.try_take(60, *running.place));
  EXPECT_FALSE(budget.try_take(90, *large.place));
  EXPECT_FALSE(budget.try_take(10, *small.place));
  large.place.reset();
  EXPECT_TRUE(small.notified());
  EXPECT_TRUE(budget.try_take(10, *small.place));
}

TEST(MemoryBudget, WhatWasTakenBeyondTheLimitIsWaitedFor) {
  TestLoop loop;
  MemoryBudget budget(100);
  Taker next(loop, budget);
  BudgetShare share;
  share.add_anyway(budget, 30);
  share.add_anyway(budget, 150);
  EXPECT_EQ(budget.held(), 180);
  EXPECT_FALSE(budget.try_take(1, *next.place));
  share = {};
  EXPECT_EQ(budget.held(), 0);
  EXPECT_TRUE(budget.try_take(1, *next.place));
}

TEST(LogLimiter, LetsAFewThroughAndCountsTheRest) {
  LogLimiter limiter(2, 1'000);
  EXPECT_EQ(limiter.allow(5), 0);
  EXPECT_EQ(limiter.allow(6), 0);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(limiter.allow(7), std::nullopt);
  EXPECT_EQ(limiter.allow(1'005), 7);
  EXPECT_EQ(limiter.allow(1'006), 0);
}

TEST(ForeignProtocol, IsGuessedFromTheFirstBytes) {
  EXPECT_EQ(guess_foreign_protocol(bytes(std::string_view("\x16\x03\x01\x00", 4))), ForeignProtocol::tls);
  EXPECT_EQ(guess_foreign_protocol(bytes("GET /index.html")), ForeignProtocol::http);
  EXPECT_EQ(guess_foreign_protocol(bytes("PRI * HTTP/2.0")), ForeignProtocol::http);
  EXPECT_EQ(guess_foreign_protocol(bytes("SSH-2.0-x")), ForeignProtocol::ssh);
  EXPECT_EQ(guess_foreign_protocol(bytes("what")), ForeignProtocol::unknown);
}

TEST(ForeignProtocol, TheExplanationNamesTheLimitThatWasBroken) {
  EXPECT_THAT(explain_bad_frame(bytes("what"), 100, "PLAINTEXT", ""), HasSubstr("socket.request.max.bytes is 100"));
  EXPECT_THAT(explain_bad_frame(bytes("\xff\xff\xff\xff"), 100, "PLAINTEXT", ""), HasSubstr("-1 bytes"));
}

}  // namespace
}  // namespace broker
