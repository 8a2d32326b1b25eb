// UpdateFeatures (API key 57, v0-v1; KIP-584).
//   v1 upgrade types instead of a flag, validate only
// Follows KafkaController.processFeatureUpdates, where no feature is supported and none is finalized.
#include "broker/handlers/update_features.h"

#include <fmt/format.h>

#include <set>

#include "broker/request_context.h"
#include "coordination/cluster/controller.h"

namespace broker {

using protocol::ErrorCode;
using protocol::UpdateFeaturesRequest;

namespace {

enum class UpgradeType : std::int8_t { unknown = 0, upgrade = 1, safe_downgrade = 2, unsafe_downgrade = 3 };

UpgradeType type_of(const UpdateFeaturesRequest::FeatureUpdateKey& update, protocol::ApiVersion version) {
  if (version == 0) return update.allow_downgrade ? UpgradeType::safe_downgrade : UpgradeType::upgrade;
  const bool known = update.upgrade_type >= 1 && update.upgrade_type <= 3;
  return known ? static_cast<UpgradeType>(update.upgrade_type) : UpgradeType::unknown;
}

std::string why_refused(const UpdateFeaturesRequest::FeatureUpdateKey& update, UpgradeType type) {
  if (update.feature.view().empty()) return "Feature name can not be empty.";
  if (type == UpgradeType::unknown) return "Received unknown upgrade type.";
  if (update.max_version_level >= 1) {
    return "Could not apply finalized feature update because the provided feature is not supported.";
  }
  if (type != UpgradeType::upgrade) return "Can not delete non-existing finalized feature.";
  return fmt::format(
      "Can not provide versionLevel: {} less than 1 without setting the SAFE downgradeType in the request.",
      update.max_version_level);
}

}  // namespace

protocol::UpdateFeaturesResponse UpdateFeaturesHandler::handle(RequestContext& context, const Request& request) const {
  Response response;
  response.error_message.reset();
  if (!controller_.is_active()) {
    response.error_code = ErrorCode::not_controller;
    response.error_message = protocol::String(protocol::default_message(ErrorCode::not_controller));
    return response;
  }
  std::set<std::string_view> answered;
  for (const auto& update : request.feature_updates) {
    if (!answered.insert(update.feature.view()).second) continue;
    auto& result = response.results.emplace_back();
    result.feature = update.feature;
    result.error_code = ErrorCode::invalid_request;
    result.error_message = protocol::String(why_refused(update, type_of(update, context.api_version())));
  }
  return response;
}

}  // namespace broker
