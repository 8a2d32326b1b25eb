#include "broker/handlers/without_security.h"

#include <gtest/gtest.h>

#include "broker/test_support.h"

namespace broker::without_security {
namespace {

using protocol::ErrorCode;

class WithoutSecurity : public testing::Test {
 protected:
  template <typename Handler>
  typename Handler::Response ask(const typename Handler::Request& request, protocol::ApiVersion version) {
    Handler handler;
    return loop_.handle(handler, request, {.version = version});
  }

  TestLoop loop_;
};

TEST_F(WithoutSecurity, AclsAreSaidToBeOff) {
  protocol::DescribeAclsRequest describe;
  describe.resource_type_filter = describe.pattern_type_filter = describe.operation = describe.permission_type = 1;
  const auto described = ask<DescribeAclsHandler>(describe, 3);
  EXPECT_EQ(described.error_code, ErrorCode::security_disabled);
  EXPECT_EQ(described.error_message->view(), "No Authorizer is configured on the broker");
  EXPECT_TRUE(described.resources.empty());
}

TEST_F(WithoutSecurity, EachAclIsRefusedByItself) {
  protocol::CreateAclsRequest create;
  create.creations.resize(2);
  for (auto& acl : create.creations) acl.resource_type = acl.operation = acl.permission_type = 3;
  const auto created = ask<CreateAclsHandler>(create, 0);
  ASSERT_EQ(created.results.size(), 2U);
  EXPECT_EQ(created.results[1].error_code, ErrorCode::security_disabled);
  EXPECT_EQ(created.results[1].error_message->view(), "No Authorizer is configured.");

  protocol::DeleteAclsRequest remove;
  remove.filters.resize(1);
  remove.filters[0].resource_type_filter = remove.filters[0].operation = remove.filters[0].permission_type = 3;
  const auto removed = ask<DeleteAclsHandler>(remove, 0);
  ASSERT_EQ(removed.filter_results.size(), 1U);
  EXPECT_EQ(removed.filter_results[0].error_code, ErrorCode::security_disabled);
  EXPECT_TRUE(removed.filter_results[0].matching_acls.empty());
}

TEST_F(WithoutSecurity, AConnectionThatNeedsNoAuthenticationHasHadIt) {
  EXPECT_EQ(ask<SaslHandshakeHandler>({}, 1).error_code, ErrorCode::illegal_sasl_state);
  const auto authenticated = ask<SaslAuthenticateHandler>({}, 2);
  EXPECT_EQ(authenticated.error_code, ErrorCode::illegal_sasl_state);
  EXPECT_EQ(authenticated.error_message->view(), "SaslAuthenticate request received after successful authentication");
}

TEST_F(WithoutSecurity, TokensAreNotGivenToTheAnonymous) {
  protocol::CreateDelegationTokenRequest create;
  create.owner_principal_type = protocol::String("User");
  create.owner_principal_name = protocol::String("alice");
  const auto created = ask<CreateDelegationTokenHandler>(create, 3);
  EXPECT_EQ(created.error_code, ErrorCode::delegation_token_request_not_allowed);
  EXPECT_EQ(created.principal_name.view(), "alice");
  EXPECT_EQ(created.token_requester_principal_type.view(), "User");
  EXPECT_EQ(created.token_requester_principal_name.view(), "ANONYMOUS");
  EXPECT_EQ(created.expiry_timestamp_ms, -1);
  const auto before_owners = ask<CreateDelegationTokenHandler>({}, 2);
  EXPECT_EQ(before_owners.principal_name.view(), "ANONYMOUS");
  EXPECT_TRUE(before_owners.token_requester_principal_name.view().empty());

  EXPECT_EQ(ask<RenewDelegationTokenHandler>({}, 2).error_code, ErrorCode::delegation_token_request_not_allowed);
  EXPECT_EQ(ask<ExpireDelegationTokenHandler>({}, 2).expiry_timestamp_ms, -1);
  EXPECT_EQ(ask<DescribeDelegationTokenHandler>({}, 3).error_code, ErrorCode::delegation_token_request_not_allowed);
}

}  // namespace
}  // namespace broker::without_security
