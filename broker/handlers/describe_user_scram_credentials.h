// DescribeUserScramCredentials (API key 50): which users have credentials for SCRAM in the metadata store. Blocks in
// the background only.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/background.h"
#include "broker/handler.h"
#include "coordination/metadata_store/metadata_store.h"
#include "protocol/messages/describe_user_scram_credentials.h"

namespace broker {

class DescribeUserScramCredentialsHandler {
 public:
  using Request = protocol::DescribeUserScramCredentialsRequest;
  using Response = protocol::DescribeUserScramCredentialsResponse;

  DescribeUserScramCredentialsHandler(coordination::metadata_store::MetadataStore& store, BackgroundPool& background)
      : store_(store), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  coordination::metadata_store::MetadataStore& store_;
  BackgroundPool& background_;
};

}  // namespace broker
