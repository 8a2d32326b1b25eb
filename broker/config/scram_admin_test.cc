#include "broker/config/scram_admin.h"

#include <gtest/gtest.h>

#include "broker/config/scram_credential.h"
#include "broker/handlers/alter_user_scram_credentials.h"
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
using protocol::as_bytes, protocol::ErrorCode;

constexpr std::int8_t sha256 = 1;
constexpr std::int8_t sha512 = 2;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// PBKDF2 of "pencil", 4,096 times, with this salt; the expected texts come from Python's hashlib and hmac.
constexpr std::string_view salt = "salt of user";
const std::string salted_256 = from_hex("0fededd04da0c34832c5a28a9561e02ae4c96c0cb2092e012affef964b2b2c40");
const std::string salted_512 = from_hex(
    "63782953e715c127d1be1be52b4d10f3b4e1606f54068cf729bfadf7350cf9fe22d5a2affb29bbc123bd69bf7adfe0e09d828030e46b30696e"
    "312cac64e978c2");

TEST(ScramCredential, IsTheTextThatKafkaStores) {
  EXPECT_EQ(scram_credential(*scram_mechanism(sha256), as_bytes(salt), as_bytes(salted_256), 4'096),
            "salt=c2FsdCBvZiB1c2Vy,stored_key=7CbxQgX9UfQFBGKr0zKX1Iwq7WNqkktT9kf8LsM91ek=,"
            "server_key=HLulNGlfZvn+2aW/zgKUEoSqB8Kl7qsb3YO3mX4gxQo=,iterations=4096");
  EXPECT_EQ(scram_credential(*scram_mechanism("SCRAM-SHA-512"), as_bytes(salt), as_bytes(salted_512), 4'096),
            "salt=c2FsdCBvZiB1c2Vy,"
            "stored_key=fZz76vHoQ0SnCdWwLdf0Yp8LdI8AEf3KJwN0HLjfnHiNIUvE07ZNon7jJ+v71hPRfcwAFscPbcIHUoH0jc6rGw==,"
            "server_key=vjPR8r6yt+1nEw5xt9wp5g5MMcrhhAIoNuaDsCmi8iwqT23OIvqVDyFaMk+lqHFEbWq6x8OfDYciQCLcBcx2eg==,"
            "iterations=4096");
}

TEST(ScramCredential, NoKeyIsMadeOfNothing) {
  EXPECT_EQ(scram_credential(*scram_mechanism(sha256), as_bytes(salt), {}, 4'096), std::nullopt);
}

TEST(ScramCredential, ItsIterationsAreRead) {
  EXPECT_EQ(scram_iterations("salt=eA==,stored_key=eQ==,server_key=eg==,iterations=8192"), 8'192);
  for (const char* wrong : {"", "salt=eA==", "iterations=", "iterations=x", "iterations=99999999999"}) {
    EXPECT_EQ(scram_iterations(wrong), std::nullopt) << wrong;
  }
}

class ScramAdminTest : public testing::Test {
 protected:
  ScramAdminTest() {
    EXPECT_TRUE(cluster::create_permanent_nodes(*store_));
    EXPECT_TRUE(store_->create(cluster::path::controller, cluster::encode_controller(0, 0), CreateMode::ephemeral));
  }

  static ScramAlteration set(std::string user, std::int8_t mechanism = sha256, std::int32_t iterations = 4'096) {
    return {.user = std::move(user),
            .mechanism = mechanism,
            .upsertion = ScramAlteration::Upsertion{
                .iterations = iterations, .salt = as_bytes(salt), .salted_password = as_bytes(salted_256)}};
  }
  static ScramAlteration remove(std::string user, std::int8_t mechanism = sha256) {
    return {.user = std::move(user), .mechanism = mechanism, .upsertion = std::nullopt};
  }

  ErrorCode alter(const ScramAlteration& alteration) { return admin_.alter({alteration}).at(alteration.user).code(); }
  cluster::ConfigMap stored(std::string_view node) {
    return *cluster::read_config(*store_, cluster::ConfigType::users, node);
  }

  protocol::ManualClock clock_;
  std::unique_ptr<EmbeddedStore> embedded_ = EmbeddedStore::in_memory(clock_);
  std::unique_ptr<MetadataStore> store_ = embedded_->open_session();
  protocol::Mutex user_changes_;
  ScramAdmin admin_{*store_, user_changes_};
};

TEST_F(ScramAdminTest, CredentialsLieBesideTheUsersQuotas) {
  ASSERT_TRUE(cluster::write_config(*store_, cluster::ConfigType::users, "a%20b", {{"producer_byte_rate", "1"}}));
  EXPECT_EQ(alter(set("a b")), ErrorCode::none);
  EXPECT_EQ(alter(set("a b", sha512, 16'384)), ErrorCode::none);
  const cluster::ConfigMap both = stored("a%20b");
  EXPECT_EQ(both.size(), 3U);
  EXPECT_EQ(scram_iterations(both.at("SCRAM-SHA-256")), 4'096);
  EXPECT_EQ(scram_iterations(both.at("SCRAM-SHA-512")), 16'384);

  EXPECT_EQ(alter(remove("a b")), ErrorCode::none);
  EXPECT_EQ(alter(remove("a b", sha512)), ErrorCode::none);
  EXPECT_EQ(stored("a%20b"), (cluster::ConfigMap{{"producer_byte_rate", "1"}}));
}

TEST_F(ScramAdminTest, AUserNamedAsTheDefaultIsAUser) {
  EXPECT_EQ(alter(set("<default>")), ErrorCode::none);
  EXPECT_TRUE(stored("%3Cdefault%3E").contains("SCRAM-SHA-256"));
  EXPECT_TRUE(stored("<default>").empty());
}

TEST_F(ScramAdminTest, WhatMakesNoSenseIsRefused) {
  struct Case {
    ScramAlteration alteration;
    ErrorCode code;
    const char* message;
  };
  for (const Case& wrong : {
           Case{set(""), ErrorCode::unacceptable_credential, "Username must not be empty"},
           Case{remove("", 7), ErrorCode::unacceptable_credential, "Username must not be empty"},
           Case{set("a", 0), ErrorCode::unsupported_sasl_mechanism, "Unknown SCRAM mechanism"},
           Case{remove("a", 3), ErrorCode::unsupported_sasl_mechanism, "Unknown SCRAM mechanism"},
           Case{set("a", sha256, 4'095), ErrorCode::unacceptable_credential, "Too few iterations"},
           Case{set("a", sha512, 16'385), ErrorCode::unacceptable_credential, "Too many iterations"},
           Case{remove("a"), ErrorCode::resource_not_found, "Attempt to delete a user credential that does not exist"},
       }) {
    const auto outcomes = admin_.alter({wrong.alteration});
    ASSERT_EQ(outcomes.size(), 1U);
    EXPECT_EQ(outcomes.begin()->second.code(), wrong.code);
    EXPECT_EQ(outcomes.begin()->second.error().message, wrong.message);
  }
  EXPECT_TRUE(stored("a").empty());
}

TEST_F(ScramAdminTest, AUserHasAllOfHisChangesOrNone) {
  const auto outcomes =
      admin_.alter({remove("b"), remove("d"), set("a"), set("a", 9), set("b", sha512), set("c"), set("d")});
  EXPECT_EQ(outcomes.at("a").code(), ErrorCode::unsupported_sasl_mechanism);
  EXPECT_EQ(outcomes.at("b").code(), ErrorCode::resource_not_found);
  EXPECT_EQ(outcomes.at("c").code(), ErrorCode::none);
  EXPECT_EQ(outcomes.at("d").code(), ErrorCode::duplicate_resource);
  for (const char* user : {"a", "b", "d"}) EXPECT_TRUE(stored(user).empty()) << user;
  EXPECT_FALSE(stored("c").empty());
}

TEST_F(ScramAdminTest, OneEmptyPasswordFailsEveryUserWhoCouldBeChanged) {
  ScramAlteration empty = set("a");
  empty.upsertion->salted_password = {};
  const auto outcomes = admin_.alter({set("", 9), empty, set("b")});
  EXPECT_EQ(outcomes.at("").code(), ErrorCode::unacceptable_credential);
  EXPECT_EQ(outcomes.at("a").code(), ErrorCode::unknown_server_error);
  EXPECT_EQ(outcomes.at("b").code(), ErrorCode::unknown_server_error);
  EXPECT_TRUE(stored("b").empty());
}

TEST_F(ScramAdminTest, TheHandlerTellsEachUsersOutcomeAndDescribesWhatIsThere) {
  TestLoop loop;  // outlives the pool, which posts to it
  BackgroundPool background("test", 1);
  AlterUserScramCredentialsHandler handler(admin_, background);
  protocol::AlterUserScramCredentialsRequest request;
  request.deletions.emplace_back().name = "gone";
  request.deletions.back().mechanism = sha256;
  auto& wanted = request.upsertions.emplace_back();
  wanted.name = "a";
  wanted.mechanism = sha512;
  wanted.iterations = 5'000;
  wanted.salt = as_bytes(salt);
  wanted.salted_password = as_bytes(salted_512);
  const auto response = loop.handle(handler, request);
  ASSERT_EQ(response.results.size(), 2U);
  EXPECT_EQ(response.results[0].user, "a");
  EXPECT_EQ(response.results[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.results[0].error_message, "");
  EXPECT_EQ(response.results[1].user, "gone");
  EXPECT_EQ(response.results[1].error_code, ErrorCode::resource_not_found);
  EXPECT_EQ(response.results[1].error_message, "Attempt to delete a user credential that does not exist");

  DescribeUserScramCredentialsHandler describe(*store_, background);
  const auto described = loop.handle(describe, {});
  ASSERT_EQ(described.results.size(), 1U);
  EXPECT_EQ(described.results[0].user, "a");
  ASSERT_EQ(described.results[0].credential_infos.size(), 1U);
  EXPECT_EQ(described.results[0].credential_infos[0].mechanism, sha512);
  EXPECT_EQ(described.results[0].credential_infos[0].iterations, 5'000);
}

}  // namespace
}  // namespace broker
