#include "broker/config/quota_admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "broker/config/quota_sync.h"
#include "broker/handlers/alter_client_quotas.h"
#include "broker/handlers/describe_client_quotas.h"
#include "broker/handlers/describe_user_scram_credentials.h"
#include "broker/test_support.h"
#include "coordination/cluster/membership.h"
#include "coordination/cluster/znodes.h"
#include "coordination/metadata_store/embedded_store.h"

namespace broker {
namespace {

namespace cluster = coordination::cluster;
using coordination::metadata_store::CreateMode, coordination::metadata_store::EmbeddedStore,
    coordination::metadata_store::MetadataStore;
using protocol::ErrorCode;
using testing::ElementsAre, testing::UnorderedElementsAre;
using Match = QuotaFilter::Match;

constexpr QuotaWindows windows{.count = 11, .window_ms = 1'000};

QuotaEntityNames user(std::optional<std::string> name) { return {{"user", std::move(name)}}; }
QuotaEntityNames client(std::optional<std::string> name) { return {{"client-id", std::move(name)}}; }
QuotaEntityNames both(std::optional<std::string> user_name, std::optional<std::string> client_name) {
  return {{"user", std::move(user_name)}, {"client-id", std::move(client_name)}};
}
QuotaEntityNames ip(std::optional<std::string> name) { return {{"ip", std::move(name)}}; }

std::string text(const QuotaDescription& description) {
  std::string out;
  for (const auto& [type, name] : description.entity) out += type + "=" + name.value_or("<default>") + " ";
  for (const auto& [key, value] : description.values) out += key + ":" + std::to_string(static_cast<int>(value)) + " ";
  out.pop_back();
  return out;
}

class QuotaAdminTest : public testing::Test {
 protected:
  QuotaAdminTest() {
    EXPECT_TRUE(cluster::create_permanent_nodes(*store_));
    EXPECT_TRUE(store_->create(cluster::path::controller, cluster::encode_controller(0, 0), CreateMode::ephemeral));
  }

  protocol::Result<void> set(const QuotaEntityNames& entity, const std::string& key, double value) {
    return admin_.alter({.entity = entity, .changes = {{.key = key, .value = value}}}, false);
  }
  protocol::Result<void> remove(const QuotaEntityNames& entity, const std::string& key) {
    return admin_.alter({.entity = entity, .changes = {{.key = key, .value = std::nullopt}}}, false);
  }
  std::vector<std::string> describe(const std::vector<QuotaFilter>& filters, bool strict = false) {
    std::vector<std::string> lines;
    const auto found = admin_.describe(filters, strict);
    EXPECT_TRUE(found);
    for (const QuotaDescription& description : *found) lines.push_back(text(description));
    return lines;
  }
  void set_some_of_each_kind() {
    ASSERT_TRUE(set(user("a"), "producer_byte_rate", 1));
    ASSERT_TRUE(set(user(std::nullopt), "producer_byte_rate", 2));
    ASSERT_TRUE(set(client("c"), "producer_byte_rate", 3));
    ASSERT_TRUE(set(client(std::nullopt), "producer_byte_rate", 4));
    ASSERT_TRUE(set(both("a", "c"), "producer_byte_rate", 5));
    ASSERT_TRUE(set(both("a", std::nullopt), "producer_byte_rate", 6));
    ASSERT_TRUE(set(ip("10.0.0.1"), "connection_creation_rate", 7));
    ASSERT_TRUE(set(ip(std::nullopt), "connection_creation_rate", 8));
  }

  protocol::ManualClock clock_;
  std::unique_ptr<EmbeddedStore> embedded_ = EmbeddedStore::in_memory(clock_);
  std::unique_ptr<MetadataStore> store_ = embedded_->open_session();
  protocol::Mutex user_changes_;
  QuotaAdmin admin_{*store_, user_changes_, [](const std::string& host) { return host.starts_with("10."); }};
};

TEST_F(QuotaAdminTest, QuotasLieInKafkasNodes) {
  ASSERT_TRUE(set(both("CN=a b", "c*"), "consumer_byte_rate", 1024));
  EXPECT_EQ(store_->get("/config/users/CN%3Da%20b/clients/c%2A")->data,
            R"({"version":1,"config":{"consumer_byte_rate":"1024"}})");
  ASSERT_TRUE(set(user(std::nullopt), "request_percentage", 200));
  EXPECT_EQ(store_->get("/config/users/<default>")->data, R"({"version":1,"config":{"request_percentage":"200.0"}})");
  ASSERT_TRUE(set(ip("10.0.0.1"), "connection_creation_rate", 5));
  EXPECT_EQ(store_->get("/config/ips/10.0.0.1")->data, R"({"version":1,"config":{"connection_creation_rate":"5"}})");
  const auto changes = store_->children(cluster::path::config_changes);
  ASSERT_EQ(changes->size(), 3U);
}

TEST_F(QuotaAdminTest, FiltersChooseByTypeAndName) {
  set_some_of_each_kind();
  EXPECT_EQ(describe({}).size(), 8U);
  EXPECT_TRUE(describe({}, true).empty());
  EXPECT_THAT(describe({{.type = "user", .match = Match::exact, .name = "a"}}, true),
              ElementsAre("user=a producer_byte_rate:1"));
  EXPECT_THAT(describe({{.type = "user", .match = Match::exact, .name = "a"}}),
              UnorderedElementsAre("user=a producer_byte_rate:1", "client-id=c user=a producer_byte_rate:5",
                                   "client-id=<default> user=a producer_byte_rate:6"));
  EXPECT_THAT(describe({{.type = "user", .match = Match::by_default}}),
              ElementsAre("user=<default> producer_byte_rate:2"));
  EXPECT_THAT(describe({{.type = "client-id", .match = Match::any}}, true),
              UnorderedElementsAre("client-id=c producer_byte_rate:3", "client-id=<default> producer_byte_rate:4"));
  EXPECT_THAT(
      describe({{.type = "user", .match = Match::any}, {.type = "client-id", .match = Match::exact, .name = "c"}}),
      ElementsAre("client-id=c user=a producer_byte_rate:5"));
  EXPECT_THAT(
      describe({{.type = "ip", .match = Match::any}}),
      UnorderedElementsAre("ip=10.0.0.1 connection_creation_rate:7", "ip=<default> connection_creation_rate:8"));
  EXPECT_THAT(describe({{.type = "ip", .match = Match::exact, .name = "10.0.0.1"}}, true),
              ElementsAre("ip=10.0.0.1 connection_creation_rate:7"));
}

TEST_F(QuotaAdminTest, WrongFiltersAreRefusedWithKafkasSentences) {
  const auto refusal = [&](const std::vector<QuotaFilter>& filters) {
    const auto found = admin_.describe(filters, false);
    return found ? std::string("none") : found.error().message;
  };
  EXPECT_EQ(refusal({{.type = "user"}, {.type = "user"}}), "Duplicate user filter component entity type");
  EXPECT_EQ(refusal({{.type = "client-id"}, {.type = "client-id"}}), "Duplicate client filter component entity type");
  EXPECT_EQ(refusal({{.type = ""}}), "Unexpected empty filter component entity type");
  EXPECT_EQ(refusal({{.type = "pet"}}), "Custom entity type 'pet' not supported");
  EXPECT_THAT(refusal({{.type = "user"}, {.type = "ip"}}), testing::StartsWith("Invalid entity filter component"));
  EXPECT_EQ(admin_.describe({{.type = "pet"}}, false).error().code, ErrorCode::unsupported_version);
}

TEST_F(QuotaAdminTest, EmptyNamesFailWhereKafkaReadsTheirNode) {
  const QuotaFilter no_user{.type = "user", .match = Match::exact, .name = ""};
  const QuotaFilter no_ip{.type = "ip", .match = Match::exact, .name = ""};
  const QuotaFilter default_client{.type = "client-id", .match = Match::by_default};
  const QuotaFilter any_client{.type = "client-id", .match = Match::any};
  EXPECT_TRUE(describe({no_user}).empty());
  EXPECT_TRUE(describe({no_user, any_client}, true).empty());
  for (const auto& filters : {std::vector{no_user}, {no_user, default_client}, {no_ip}}) {
    EXPECT_EQ(admin_.describe(filters, true).error().code, ErrorCode::unknown_server_error);
  }
}

TEST_F(QuotaAdminTest, WrongChangesAreRefusedWithKafkasSentencesAndChangeNothing) {
  struct Case {
    QuotaEntityNames entity;
    std::string key;
    double value;
    std::string message;
  };
  for (const Case& c : {
           Case{{}, "producer_byte_rate", 1, "Invalid empty client quota entity"},
           Case{{{"pet", "a"}}, "producer_byte_rate", 1, "Unhandled client quota entity type: pet"},
           Case{client(""), "producer_byte_rate", 1, "Empty client-id not supported"},
           Case{{{"ip", "10.0.0.1"}, {"user", "a"}},
                "connection_creation_rate",
                1,
                "Invalid quota entity combination, IP entity should not be used with user/client ID entity."},
           Case{ip("nowhere"), "connection_creation_rate", 1, "nowhere is not a valid IP or resolvable host."},
           Case{ip("::1"), "connection_creation_rate", 1, "%3A%3A1 is not a valid IP or resolvable host."},
           Case{ip("10.0.0.1"), "producer_byte_rate", 1, "Invalid configuration key producer_byte_rate"},
           Case{user("a"), "connection_creation_rate", 1, "Invalid configuration key connection_creation_rate"},
           Case{ip("10.0.0.1"), "connection_creation_rate", -1,
                "Configuration connection_creation_rate must be a INT value"},
           Case{client("c"), "SCRAM-SHA-256", 1, "Invalid configuration key SCRAM-SHA-256"},
           Case{user("a"), "producer_byte_rate", 1.5, "Configuration producer_byte_rate must be a LONG value"},
           Case{user("a"), "consumer_byte_rate", 1e30, "Configuration consumer_byte_rate must be a LONG value"},
           Case{ip("10.0.0.1"), "connection_creation_rate", 3e9,
                "Configuration connection_creation_rate must be a INT value"},
       }) {
    const auto refused = set(c.entity, c.key, c.value);
    EXPECT_EQ(refused.code(), ErrorCode::invalid_request) << c.message;
    if (!refused) EXPECT_EQ(refused.error().message, c.message);
  }
  EXPECT_TRUE(describe({}).empty());
  EXPECT_TRUE(store_->children(cluster::path::config_changes)->empty());
}

TEST_F(QuotaAdminTest, NumbersAreTakenAsKafkaTakesThem) {
  EXPECT_TRUE(set(user("a"), "producer_byte_rate", 5.0000001));
  EXPECT_TRUE(set(user("a"), "controller_mutation_rate", 0.1));
  EXPECT_EQ(store_->get("/config/users/a")->data,
            R"({"version":1,"config":{"controller_mutation_rate":"0.1","producer_byte_rate":"5"}})");
}

TEST_F(QuotaAdminTest, WhateverIsSetCanBeRead) {
  for (const double value :
       {0.0, -1.5, 1e300, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 5e-324}) {
    ASSERT_TRUE(set(user("a"), "request_percentage", value));
    const auto found = admin_.describe({}, false);
    ASSERT_TRUE(found) << value;
    EXPECT_EQ(found->front().values.at("request_percentage"), value);
  }
  ASSERT_TRUE(set(user("a"), "request_percentage", std::nan("")));
  EXPECT_TRUE(std::isnan(admin_.describe({}, false)->front().values.at("request_percentage")));
}

TEST_F(QuotaAdminTest, KafkaFailsOnCredentialsThatAreNumbers) {
  EXPECT_EQ(set(both("a", "c"), "SCRAM-SHA-256", 1).code(), ErrorCode::unknown_server_error);
}

TEST_F(QuotaAdminTest, ValidatingWritesNothing) {
  EXPECT_TRUE(admin_.alter({.entity = user("a"), .changes = {{.key = "producer_byte_rate", .value = 1}}}, true));
  EXPECT_FALSE(admin_.alter({.entity = user("a"), .changes = {{.key = "x", .value = 1}}}, true));
  EXPECT_TRUE(describe({}).empty());
}

TEST_F(QuotaAdminTest, WhatIsEmptyLosesItsNodes) {
  ASSERT_TRUE(set(both("a", "c"), "producer_byte_rate", 1));
  ASSERT_TRUE(set(both("a", "d"), "producer_byte_rate", 1));
  ASSERT_TRUE(remove(both("a", "c"), "producer_byte_rate"));
  EXPECT_FALSE(*store_->exists("/config/users/a/clients/c"));
  EXPECT_TRUE(*store_->exists("/config/users/a/clients/d"));
  ASSERT_TRUE(remove(both("a", "d"), "producer_byte_rate"));
  EXPECT_FALSE(*store_->exists("/config/users/a"));
  ASSERT_TRUE(set(user("b"), "producer_byte_rate", 1));
  ASSERT_TRUE(set(both("b", "c"), "producer_byte_rate", 1));
  ASSERT_TRUE(remove(user("b"), "producer_byte_rate"));
  EXPECT_TRUE(*store_->exists("/config/users/b/clients/c"));
  EXPECT_TRUE(remove(user("nobody"), "producer_byte_rate"));
  EXPECT_FALSE(*store_->exists("/config/users/nobody"));
}

TEST_F(QuotaAdminTest, OtherValuesOfAUserStay) {
  ASSERT_TRUE(cluster::write_config(*store_, cluster::ConfigType::users, "a", {{"SCRAM-SHA-256", "salt=x"}}));
  ASSERT_TRUE(set(user("a"), "producer_byte_rate", 1));
  ASSERT_TRUE(remove(user("a"), "producer_byte_rate"));
  EXPECT_EQ(cluster::read_config(*store_, cluster::ConfigType::users, "a")->at("SCRAM-SHA-256"), "salt=x");
  EXPECT_TRUE(describe({}).empty());
}

TEST_F(QuotaAdminTest, WhatIsStoredComesIntoForce) {
  set_some_of_each_kind();
  ClientQuotas quotas(windows, windows);
  IpRates ips;
  QuotaSync sync(quotas, ips, [](const std::string& host) { return std::optional(host); });
  ASSERT_TRUE(sync.load(*store_));
  EXPECT_EQ(quotas.limit(QuotaKind::produce, {"a", "c"}), 5);
  EXPECT_EQ(quotas.limit(QuotaKind::produce, {"a", "d"}), 6);
  EXPECT_EQ(quotas.limit(QuotaKind::produce, {"b", "c"}), 2);
  EXPECT_EQ(ips.of("10.0.0.1"), 7);
  EXPECT_EQ(ips.of("10.0.0.2"), 8);
  sync.apply(cluster::ConfigType::users, "a/clients/c", {{"producer_byte_rate", "no number"}});
  EXPECT_EQ(quotas.limit(QuotaKind::produce, {"a", "c"}), 6);
  sync.apply(cluster::ConfigType::ips, "10.0.0.1", {});
  EXPECT_EQ(ips.of("10.0.0.1"), 8);
  sync.apply(cluster::ConfigType::ips, "<default>", {});
  EXPECT_EQ(ips.of("10.0.0.1"), std::nullopt);
}

class QuotaHandlersTest : public QuotaAdminTest {
 protected:
  TestLoop loop_;
  BackgroundPool background_{"test", 1};
  AlterClientQuotasHandler alter_{admin_, background_};
  DescribeClientQuotasHandler describe_{admin_, background_};
};

TEST_F(QuotaHandlersTest, EachEntityHasItsOutcomeTheLastOneIfItIsThereTwice) {
  protocol::AlterClientQuotasRequest request;
  for (const double rate : {1.5, 2.0}) {
    auto& entry = request.entries.emplace_back();
    entry.entity.emplace_back().entity_type = "user";
    entry.entity.back().entity_name = "a";
    entry.ops.emplace_back().key = "producer_byte_rate";
    entry.ops.back().value = rate;
  }
  auto& wrong = request.entries.emplace_back();
  wrong.entity.emplace_back().entity_type = "client-id";
  wrong.entity.back().entity_name.reset();
  wrong.ops.emplace_back().key = "x";
  const auto response = loop_.handle(alter_, request, {.version = 1});
  ASSERT_EQ(response.entries.size(), 2U);
  EXPECT_EQ(response.entries[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.entries[0].entity[0].entity_name, "a");
  EXPECT_EQ(response.entries[1].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(response.entries[1].error_message, "Invalid configuration key x");
  EXPECT_FALSE(response.entries[1].entity[0].entity_name);

  const auto described = loop_.handle(describe_, {}, {.version = 1});
  EXPECT_EQ(described.error_code, ErrorCode::none);
  ASSERT_EQ(described.entries->size(), 1U);
  EXPECT_EQ(described.entries->front().values[0].value, 2);
}

TEST_F(QuotaHandlersTest, AFilterThatMakesNoSenseIsRefusedWhole) {
  protocol::DescribeClientQuotasRequest request;
  request.components.emplace_back().entity_type = "user";
  request.components.back().match_type = 3;
  const auto unknown = loop_.handle(describe_, request, {.version = 0});
  EXPECT_EQ(unknown.error_code, ErrorCode::unknown_server_error);
  EXPECT_FALSE(unknown.entries);
  request.components.back().match_type = 0;
  request.components.back().match.reset();
  EXPECT_EQ(loop_.handle(describe_, request, {.version = 0}).error_code, ErrorCode::unknown_server_error);
}

TEST_F(QuotaHandlersTest, UsersCredentialsAreDescribedAndNotShown) {
  DescribeUserScramCredentialsHandler handler(*store_, background_);
  ASSERT_TRUE(cluster::write_config(
      *store_, cluster::ConfigType::users, "a%20b",
      {{"SCRAM-SHA-512", "salt=eA==,stored_key=eQ==,server_key=eg==,iterations=4096"}, {"producer_byte_rate", "1"}}));
  ASSERT_TRUE(set(user("c"), "producer_byte_rate", 1));
  const auto all = loop_.handle(handler, {});
  ASSERT_EQ(all.results.size(), 1U);
  EXPECT_EQ(all.results[0].user, "a b");
  ASSERT_EQ(all.results[0].credential_infos.size(), 1U);
  EXPECT_EQ(all.results[0].credential_infos[0].mechanism, 2);
  EXPECT_EQ(all.results[0].credential_infos[0].iterations, 4096);

  protocol::DescribeUserScramCredentialsRequest request;
  request.users.emplace();
  for (const char* name : {"a b", "c", "", "d", "d"}) request.users->emplace_back().name = name;
  const auto some = loop_.handle(handler, request);
  ASSERT_EQ(some.results.size(), 4U);
  EXPECT_EQ(some.results[0].error_code, ErrorCode::none);
  EXPECT_EQ(some.results[1].error_code, ErrorCode::resource_not_found);
  EXPECT_EQ(some.results[2].error_message, "Username must not be empty");
  EXPECT_EQ(some.results[3].error_code, ErrorCode::duplicate_resource);
}

}  // namespace
}  // namespace broker
