// What a broker without an authorizer answers on a plaintext listener when somebody asks for security: that there is
// none.
//   SaslHandshake (API key 17, v0-v1), SaslAuthenticate (36, v0-v2): the connection is authenticated already
//   DescribeAcls (29), CreateAcls (30), DeleteAcls (31, each v0-v3): there is no authorizer
//   CreateDelegationToken (38, v0-v3), RenewDelegationToken (39, v0-v2), ExpireDelegationToken (40, v0-v2),
//   DescribeDelegationToken (41, v0-v3): tokens are given to authenticated users only
// Owned by the API table; stateless, one object of each serves all network threads.
//
// As Kafka does: clients and tools tell "not switched on" from "too old to know", and only take the first for an
// answer.
#pragma once

#include "broker/handler.h"
#include "protocol/messages/create_acls.h"
#include "protocol/messages/create_delegation_token.h"
#include "protocol/messages/delete_acls.h"
#include "protocol/messages/describe_acls.h"
#include "protocol/messages/describe_delegation_token.h"
#include "protocol/messages/expire_delegation_token.h"
#include "protocol/messages/renew_delegation_token.h"
#include "protocol/messages/sasl_authenticate.h"
#include "protocol/messages/sasl_handshake.h"

namespace broker::without_security {

class SaslHandshakeHandler {
 public:
  using Request = protocol::SaslHandshakeRequest;
  using Response = protocol::SaslHandshakeResponse;
  Response handle(RequestContext& context, const Request& request) const;
};

class SaslAuthenticateHandler {
 public:
  using Request = protocol::SaslAuthenticateRequest;
  using Response = protocol::SaslAuthenticateResponse;
  Response handle(RequestContext& context, const Request& request) const;
};

class DescribeAclsHandler {
 public:
  using Request = protocol::DescribeAclsRequest;
  using Response = protocol::DescribeAclsResponse;
  Response handle(RequestContext& context, const Request& request) const;
};

class CreateAclsHandler {
 public:
  using Request = protocol::CreateAclsRequest;
  using Response = protocol::CreateAclsResponse;
  Response handle(RequestContext& context, const Request& request) const;
};

class DeleteAclsHandler {
 public:
  using Request = protocol::DeleteAclsRequest;
  using Response = protocol::DeleteAclsResponse;
  Response handle(RequestContext& context, const Request& request) const;
};

class CreateDelegationTokenHandler {
 public:
  using Request = protocol::CreateDelegationTokenRequest;
  using Response = protocol::CreateDelegationTokenResponse;
  Response handle(RequestContext& context, const Request& request) const;
};

class RenewDelegationTokenHandler {
 public:
  using Request = protocol::RenewDelegationTokenRequest;
  using Response = protocol::RenewDelegationTokenResponse;
  Response handle(RequestContext& context, const Request& request) const;
};

class ExpireDelegationTokenHandler {
 public:
  using Request = protocol::ExpireDelegationTokenRequest;
  using Response = protocol::ExpireDelegationTokenResponse;
  Response handle(RequestContext& context, const Request& request) const;
};

class DescribeDelegationTokenHandler {
 public:
  using Request = protocol::DescribeDelegationTokenRequest;
  using Response = protocol::DescribeDelegationTokenResponse;
  Response handle(RequestContext& context, const Request& request) const;
};

}  // namespace broker::without_security
