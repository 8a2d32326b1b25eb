// AlterClientQuotas (API key 49): sets and removes quotas of users, client ids and addresses. Blocks in the background
// only.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/background.h"
#include "broker/config/quota_admin.h"
#include "broker/handler.h"
#include "protocol/messages/alter_client_quotas.h"

namespace broker {

class AlterClientQuotasHandler {
 public:
  using Request = protocol::AlterClientQuotasRequest;
  using Response = protocol::AlterClientQuotasResponse;

  AlterClientQuotasHandler(const QuotaAdmin& quotas, BackgroundPool& background)
      : quotas_(quotas), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  const QuotaAdmin& quotas_;
  BackgroundPool& background_;
};

}  // namespace broker
