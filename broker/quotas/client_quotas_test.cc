#include "broker/quotas/client_quotas.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

namespace broker {
namespace {

constexpr QuotaWindows windows{.count = 11, .window_ms = 1'000};
const EntityPart none, any = EntityPart::by_default();
EntityPart named(const char* name) { return EntityPart::named(name); }

QuotaValues bytes_in(double limit) { return {limit, std::nullopt, std::nullopt, std::nullopt}; }
QuotaValues mutations(double limit) { return {std::nullopt, std::nullopt, std::nullopt, limit}; }

TEST(QuotaEntity, NamesAreWrittenAsInKafkasPaths) {
  struct Case {
    const char* name;
    const char* node;
  };
  for (const Case& c :
       {Case{"alice", "alice"}, Case{"CN=a b,O=*", "CN%3Da%20b%2CO%3D%2A"}, Case{"\xc3\xa4+", "%C3%A4%2B"},
        Case{"<default>", "%3Cdefault%3E"}, Case{"a-b_c.d", "a-b_c.d"}}) {
    EXPECT_EQ(node_name(EntityPart::named(c.name)), c.node);
    const auto back = parse_node_name(c.node);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->name, c.name);
    EXPECT_TRUE(back->is_named());
  }
  EXPECT_EQ(node_name(any), "<default>");
  EXPECT_EQ(parse_node_name("<default>")->kind, EntityPart::Kind::by_default);
  EXPECT_EQ(desanitized("a+b"), "a b");
  EXPECT_FALSE(desanitized("%4"));
  EXPECT_FALSE(desanitized("%zz"));
}

TEST(QuotaEntity, UsersPathsMayNameAClient) {
  const auto user = parse_user_path("al%20ice");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->user.name, "al ice");
  EXPECT_FALSE(user->client_id.is_there());
  const auto both = parse_user_path("<default>/clients/app");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->user.kind, EntityPart::Kind::by_default);
  EXPECT_EQ(both->client_id.name, "app");
  for (const char* wrong : {"a/b", "a/clients", "a/clients/", "a/clients/b/c", "a/client/b", "%"}) {
    EXPECT_FALSE(parse_user_path(wrong)) << wrong;
  }
}

// The levels of Kafka's ClientQuotaManager: each one holds where all stronger ones are missing.
TEST(ClientQuotas, TheMostSpecificQuotaHolds) {
  const QuotaClient client{.user = "alice", .client_id = "app"};
  const std::vector<QuotaEntity> levels = {{named("alice"), named("app")},
                                           {named("alice"), any},
                                           {named("alice"), none},
                                           {any, named("app")},
                                           {any, any},
                                           {any, none},
                                           {none, named("app")},
                                           {none, any}};
  ClientQuotas quotas(windows, windows);
  EXPECT_FALSE(quotas.limit(QuotaKind::produce, client));
  for (std::size_t i = levels.size(); i-- > 0;) {
    quotas.set(levels[i], bytes_in(static_cast<double>(i)));
    EXPECT_EQ(quotas.limit(QuotaKind::produce, client), static_cast<double>(i));
    EXPECT_FALSE(quotas.limit(QuotaKind::fetch, client));
  }
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    quotas.set(levels[i], {});
    EXPECT_EQ(quotas.limit(QuotaKind::produce, client), static_cast<double>(i + 1));
  }
}

TEST(ClientQuotas, WithoutAClientIdOnlyUsersQuotasHold) {
  ClientQuotas quotas(windows, windows);
  quotas.set({none, any}, bytes_in(1));
  quotas.set({any, any}, bytes_in(2));
  EXPECT_FALSE(quotas.limit(QuotaKind::produce, {.user = "alice", .client_id = ""}));
  quotas.set({any, none}, bytes_in(3));
  EXPECT_EQ(quotas.limit(QuotaKind::produce, {.user = "alice", .client_id = ""}), 3);
}

TEST(ClientQuotas, ItEnforcesOnlyWhatIsSet) {
  ClientQuotas quotas(windows, windows);
  EXPECT_FALSE(quotas.enforces_any());
  quotas.set({none, named("a")}, bytes_in(1));
  EXPECT_TRUE(quotas.enforces(QuotaKind::produce));
  EXPECT_FALSE(quotas.enforces(QuotaKind::fetch));
  quotas.set({none, named("b")}, bytes_in(1));
  quotas.set({none, named("a")}, {});
  EXPECT_TRUE(quotas.enforces_any());
  quotas.set({none, named("b")}, {});
  EXPECT_FALSE(quotas.enforces_any());
}

TEST(ClientQuotas, WhoSharesAQuotaSharesItsMeasure) {
  ClientQuotas quotas(windows, windows);
  const QuotaClient one{"alice", "one"}, two{"alice", "two"}, other{"bob", "one"};
  quotas.set({any, none}, bytes_in(100));
  EXPECT_EQ(quotas.record(QuotaKind::produce, one, 1'000, 0), 0);
  EXPECT_EQ(quotas.record(QuotaKind::produce, two, 1'000, 0), 10'000) << "a user's clients share the user's quota";
  EXPECT_EQ(quotas.record(QuotaKind::produce, other, 1'000, 0), 0) << "each user has the default for itself";
  quotas.set({none, any}, bytes_in(50));
  quotas.set({any, none}, {});
  EXPECT_EQ(quotas.record(QuotaKind::produce, one, 500, 20'000), 0);
  EXPECT_EQ(quotas.record(QuotaKind::produce, other, 500, 20'000), 10'000) << "a client id's users share its quota";
}

TEST(ClientQuotas, ANewLimitHoldsForWhatWasMeasuredBefore) {
  ClientQuotas quotas(windows, windows);
  const QuotaClient client{"u", "c"};
  quotas.set({none, named("c")}, bytes_in(1'000));
  EXPECT_EQ(quotas.record(QuotaKind::produce, client, 1'000, 0), 0);
  quotas.set({none, named("c")}, bytes_in(50));
  EXPECT_EQ(quotas.record(QuotaKind::produce, client, 0, 0), 10'000);
  quotas.set({none, named("c")}, {});
  EXPECT_EQ(quotas.record(QuotaKind::produce, client, 1e9, 0), 0);
}

TEST(ClientQuotas, WhatCanBeFetchedAtOnceIsTenSecondsWorth) {
  ClientQuotas quotas(windows, windows);
  EXPECT_EQ(quotas.fetch_max({"u", "c"}), std::numeric_limits<double>::max());
  quotas.set({named("u"), none}, {std::nullopt, 1'000, std::nullopt, std::nullopt});
  EXPECT_DOUBLE_EQ(quotas.fetch_max({"u", "c"}), 10'000);
  EXPECT_EQ(quotas.fetch_max({"v", "c"}), std::numeric_limits<double>::max());
}

TEST(ClientQuotas, AStrictMutationQuotaRefusesAndAPermissiveOneDelays) {
  ClientQuotas quotas(windows, {.count = 2, .window_ms = 1'000});
  const QuotaClient client{"u", "c"};
  quotas.set({named("u"), none}, mutations(5));
  EXPECT_EQ(quotas.mutate_strictly(client, 20, 0), 0) << "whoever has permits left may take more than there are";
  EXPECT_EQ(quotas.mutate_strictly(client, 1, 0), 2'000) << "10 of 20 were there";
  EXPECT_EQ(quotas.mutate_strictly(client, 1, 2'000), 0);
  EXPECT_EQ(quotas.mutate_permissively(client, 4, 2'000), 1'000);
  EXPECT_EQ(quotas.mutate_permissively(client, 5, 2'000), 2'000);
}

TEST(ClientQuotas, ShowsWhatItMeasures) {
  ClientQuotas quotas(windows, windows);
  const QuotaClient client{"u", "c"};
  quotas.set({named("u"), any}, {100.0, std::nullopt, std::nullopt, 2.0});
  quotas.record(QuotaKind::produce, client, 500, 0);
  quotas.mutate_strictly(client, 4, 0);
  quotas.throttled(QuotaKind::produce, client, 30, 0);
  const auto shown = quotas.measured(0);
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].kind, QuotaKind::produce);
  EXPECT_EQ(shown[0].user, "u");
  EXPECT_EQ(shown[0].client_id, "c");
  EXPECT_DOUBLE_EQ(shown[0].value, 50);
  EXPECT_DOUBLE_EQ(shown[0].throttle_time_ms, 30);
  EXPECT_DOUBLE_EQ(shown[1].value, 18);
  EXPECT_DOUBLE_EQ(shown[1].mutation_rate, 0.4);
  EXPECT_TRUE(std::isnan(shown[1].throttle_time_ms));
  EXPECT_TRUE(quotas.measured(3'600'000).empty()) << "after an hour without a request";
}

TEST(ClientQuotas, ClientsBeyondTheBoundShareOneMeasure) {
  ClientQuotas quotas(windows, windows);
  quotas.set({none, any}, bytes_in(1));
  const auto record = [&](std::size_t i, std::int64_t now_ms) {
    return quotas.record(QuotaKind::produce, {"u", std::to_string(i)}, 6, now_ms);
  };
  for (std::size_t i = 0; i <= ClientQuotas::measured_max; ++i) EXPECT_EQ(record(i, 0), 0);
  EXPECT_GT(record(ClientQuotas::measured_max + 1, 0), 0) << "this one and the one before together";
  EXPECT_EQ(quotas.measured(0).size(), ClientQuotas::measured_max + 1);
  EXPECT_EQ(record(ClientQuotas::measured_max + 2, 11'000), 0) << "the others' windows are over by then";
  EXPECT_LT(quotas.measured(11'000).size(), 3u);
}

TEST(ClientQuotas, MayBeAskedAndSetFromAllThreads) {
  ClientQuotas quotas(windows, windows);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&quotas, t] {
      for (int i = 0; i < 2'000; ++i) {
        const std::string id = std::to_string(i % 7);
        if (t == 0) quotas.set({none, named(id.c_str())}, i % 3 == 0 ? QuotaValues{} : bytes_in(i));
        quotas.record(QuotaKind::produce, {"u", id}, 1, i);
        quotas.measured(i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  quotas.set({none, any}, bytes_in(1));
  EXPECT_EQ(quotas.limit(QuotaKind::produce, {"u", "other"}), 1);
}

}  // namespace
}  // namespace broker
