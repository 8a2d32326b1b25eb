// ApiVersions (API key 18, v0-v4): what this broker serves, and who the client is.
//   v3 the client's software name and version (KIP-511), features (KIP-584)
//   v4 supported features may start at 0 (KIP-1022); a broker on ZooKeeper's model has none to offer
// A version that the broker doesn't know is answered as v0 with UNSUPPORTED_VERSION by dispatch, which calls
// unsupported_version_answer().
#pragma once

#include <cstdint>
#include <functional>

#include "broker/api_table.h"
#include "protocol/messages/api_versions.h"

namespace broker {

class ApiVersionsHandler {
 public:
  using Request = protocol::ApiVersionsRequest;
  using Response = protocol::ApiVersionsResponse;

  // `features_epoch` gives the version of the /feature node, -1 while it isn't known.
  ApiVersionsHandler(const ApiTable& apis, std::function<std::int64_t()> features_epoch)
      : apis_(apis), features_epoch_(std::move(features_epoch)) {}

  Response handle(RequestContext& context, const Request& request) const;

 private:
  const ApiTable& apis_;
  std::function<std::int64_t()> features_epoch_;
};

// UNSUPPORTED_VERSION with the versions of ApiVersions itself, to be encoded as v0.
protocol::ApiVersionsResponse unsupported_version_answer(const ApiTable& apis);

// KIP-511: letters, digits, '-' and '.', beginning and ending with a letter or a digit.
bool is_valid_software_name(std::string_view name);

}  // namespace broker
