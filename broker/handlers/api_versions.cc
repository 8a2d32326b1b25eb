#include "broker/handlers/api_versions.h"

#include <algorithm>

namespace broker {
namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

void add_row(protocol::ApiVersionsResponse& response, const ApiRow& row) {
  auto& entry = response.api_keys.emplace_back();
  entry.api_key = static_cast<std::int16_t>(row.key);
  entry.min_version = row.advertised.min;
  entry.max_version = row.advertised.max;
}

}  // namespace

bool is_valid_software_name(std::string_view name) {
  if (name.empty() || !is_letter_or_digit(name.front()) || !is_letter_or_digit(name.back())) return false;
  return std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; });
}

protocol::ApiVersionsResponse unsupported_version_answer(const ApiTable& apis) {
  protocol::ApiVersionsResponse response;
  response.error_code = protocol::ErrorCode::unsupported_version;
  const ApiRow* own = apis.find(static_cast<std::int16_t>(protocol::ApiKey::api_versions));
  if (own != nullptr) add_row(response, *own);
  return response;
}

ApiVersionsHandler::Response ApiVersionsHandler::handle(RequestContext& context, const Request& request) const {
  Response response;
  if (context.api_version() >= 3) {
    if (!is_valid_software_name(request.client_software_name) ||
        !is_valid_software_name(request.client_software_version)) {
      response.error_code = protocol::ErrorCode::invalid_request;
      return response;
    }
    context.connection().software_name = request.client_software_name.str();
    context.connection().software_version = request.client_software_version.str();
  }
  response.api_keys.reserve(apis_.rows().size());
  for (const ApiRow& row : apis_.rows()) {
    if (!row.hidden) add_row(response, row);
  }
  response.finalized_features_epoch = features_epoch_();
  return response;
}

}  // namespace broker
