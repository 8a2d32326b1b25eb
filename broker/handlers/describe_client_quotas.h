// DescribeClientQuotas (API key 48): the quotas of users, client ids and addresses. Blocks in the background only.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/background.h"
#include "broker/config/quota_admin.h"
#include "broker/handler.h"
#include "protocol/messages/describe_client_quotas.h"

namespace broker {

class DescribeClientQuotasHandler {
 public:
  using Request = protocol::DescribeClientQuotasRequest;
  using Response = protocol::DescribeClientQuotasResponse;

  DescribeClientQuotasHandler(const QuotaAdmin& quotas, BackgroundPool& background)
      : quotas_(quotas), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  const QuotaAdmin& quotas_;
  BackgroundPool& background_;
};

}  // namespace broker
