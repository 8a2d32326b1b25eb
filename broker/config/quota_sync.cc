#include "broker/config/quota_sync.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "broker/config/quota_keys.h"
#include "broker/config/text.h"

namespace broker {

namespace cluster = coordination::cluster;
using protocol::Result;
using Stored = cluster::ConfigType;

namespace {

std::optional<double> number(const Properties& values, std::string_view key, const std::string& entity) {
  const std::string* text = find_property(values, key);
  if (text == nullptr) return std::nullopt;
  const auto value = parse_double(*text);
  if (!value || std::isnan(*value)) {
    spdlog::error("The quota {}={} of {} is no number; it isn't in force", key, *text, entity);
    return std::nullopt;
  }
  return value;
}

QuotaValues values_of(const Properties& values, const std::string& entity) {
  QuotaValues limits;
  for (std::size_t i = 0; i < quota_kinds; ++i) limits[i] = number(values, quota_key::of_clients[i], entity);
  return limits;
}

}  // namespace

Result<void> QuotaSync::load(coordination::metadata_store::MetadataStore& store) {
  for (const Stored type : {Stored::users, Stored::clients, Stored::ips}) {
    const auto configs = cluster::read_configs(store, type);
    if (!configs) return std::unexpected(configs.error());
    for (const auto& [entity, values] : *configs) apply(type, entity, Properties(values.begin(), values.end()));
  }
  const auto pairs = cluster::read_user_client_configs(store);
  if (!pairs) return std::unexpected(pairs.error());
  for (const auto& [entity, values] : *pairs) apply(Stored::users, entity, Properties(values.begin(), values.end()));
  return {};
}

void QuotaSync::apply(Stored type, const std::string& entity, const Properties& values) {
  if (type == Stored::ips) return apply_to_ip(entity, values);
  std::optional<QuotaEntity> parsed;
  if (type == Stored::users) {
    parsed = parse_user_path(entity);
  } else if (auto client_id = parse_node_name(entity)) {
    parsed = QuotaEntity{.user = {}, .client_id = std::move(*client_id)};
  }
  if (parsed) return clients_.set(*parsed, values_of(values, entity));
  spdlog::error("/config/{}/{} names nobody who could have a quota; it is skipped", cluster::name(type), entity);
}

void QuotaSync::apply_to_ip(const std::string& entity, const Properties& values) {
  const auto rate = number(values, quota_key::connection_creation_rate, entity);
  const auto whole =
      rate ? std::optional(static_cast<std::int32_t>(std::clamp(*rate, 0.0, 2147483647.0))) : std::nullopt;
  if (entity == cluster::default_entity) return ips_.set_default(whole);
  const auto host = desanitized(entity);
  const auto address = host ? resolve_(*host) : std::nullopt;
  if (address) return ips_.set(*address, whole);
  spdlog::error("/config/ips/{} can't be resolved, so its connection_creation_rate isn't in force", entity);
}

}  // namespace broker
