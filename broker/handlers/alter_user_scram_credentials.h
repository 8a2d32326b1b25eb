// AlterUserScramCredentials (API key 51): sets and removes users' credentials for SCRAM in the metadata store. Blocks
// in the background only. Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/background.h"
#include "broker/config/scram_admin.h"
#include "broker/handler.h"
#include "protocol/messages/alter_user_scram_credentials.h"

namespace broker {

class AlterUserScramCredentialsHandler {
 public:
  using Request = protocol::AlterUserScramCredentialsRequest;
  using Response = protocol::AlterUserScramCredentialsResponse;

  AlterUserScramCredentialsHandler(const ScramAdmin& credentials, BackgroundPool& background)
      : credentials_(credentials), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  const ScramAdmin& credentials_;
  BackgroundPool& background_;
};

}  // namespace broker
