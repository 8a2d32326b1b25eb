#include "broker/config/quota_admin.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "broker/config/quota_keys.h"
#include "broker/config/scram_credential.h"
#include "broker/config/text.h"
#include "broker/quotas/quota_entity.h"

namespace broker {

namespace cluster = coordination::cluster;
using cluster::ConfigMap;
using protocol::ErrorCode, protocol::fail, protocol::MutexLock, protocol::Result;
using Stored = cluster::ConfigType;

namespace {

constexpr std::string_view user_type = "user", client_id_type = "client-id", ip_type = "ip";

std::optional<std::string> plain_name(const EntityPart& part) {
  return part.is_named() ? std::optional(part.name) : std::nullopt;
}

// ---- Describing

struct Filters {
  const QuotaFilter* user = nullptr;
  const QuotaFilter* client_id = nullptr;
  const QuotaFilter* ip = nullptr;
};

Result<Filters> sort_filters(const std::vector<QuotaFilter>& filters) {
  Filters sorted;
  const auto take = [](const QuotaFilter*& slot, const QuotaFilter& filter, std::string_view what) -> Result<void> {
    if (slot != nullptr) {
      return fail(ErrorCode::invalid_request, fmt::format("Duplicate {} filter component entity type", what));
    }
    slot = &filter;
    return {};
  };
  for (const QuotaFilter& filter : filters) {
    Result<void> taken;
    if (filter.type == user_type) {
      taken = take(sorted.user, filter, "user");
    } else if (filter.type == client_id_type) {
      taken = take(sorted.client_id, filter, "client");
    } else if (filter.type == ip_type) {
      taken = take(sorted.ip, filter, "ip");
    } else if (filter.type.empty()) {
      taken = fail(ErrorCode::invalid_request, "Unexpected empty filter component entity type");
    } else {
      taken = fail(ErrorCode::unsupported_version, fmt::format("Custom entity type '{}' not supported", filter.type));
    }
    if (!taken) return std::unexpected(taken.error());
  }
  if (sorted.ip != nullptr && (sorted.user != nullptr || sorted.client_id != nullptr)) {
    return fail(ErrorCode::invalid_request,
                "Invalid entity filter component combination, IP filter component should not be used with user or "
                "clientId filter component.");
  }
  return sorted;
}

bool fits(const QuotaFilter* filter, const EntityPart& part, bool strict) {
  if (filter == nullptr) return !part.is_there() || !strict;
  switch (filter->match) {
    case QuotaFilter::Match::exact:
      return part.is_named() && part.name == filter->name;
    case QuotaFilter::Match::by_default:
      return part.kind == EntityPart::Kind::by_default;
    case QuotaFilter::Match::any:
      return part.is_there();
  }
  return false;
}

// Where the filters name one entity, Kafka reads its node, and fails on a path with an empty name.
bool names_an_empty_node(const Filters& filters, bool strict) {
  const auto is_exact = [](const QuotaFilter* filter) {
    return filter != nullptr && filter->match != QuotaFilter::Match::any;
  };
  const auto is_empty = [](const QuotaFilter* filter) {
    return filter != nullptr && filter->match == QuotaFilter::Match::exact && filter->name.empty();
  };
  const bool names_a_user = is_exact(filters.user) && (is_exact(filters.client_id) || (strict && !filters.client_id));
  const bool names_a_client = is_exact(filters.client_id) && (is_exact(filters.user) || (strict && !filters.user));
  return (names_a_user && is_empty(filters.user)) || (names_a_client && is_empty(filters.client_id)) ||
         is_empty(filters.ip);
}

// The quotas among what an entity holds.
template <typename Keys>
Result<std::map<std::string, double>> quotas_in(const ConfigMap& config, const Keys& keys) {
  std::map<std::string, double> quotas;
  for (const std::string_view key : keys) {
    const auto found = config.find(std::string(key));
    if (found == config.end()) continue;
    const auto value = parse_double(found->second);
    if (!value) {
      spdlog::error("Unexpected client quota configuration value: {} -> {}", key, found->second);
      return fail(ErrorCode::unknown_server_error);
    }
    quotas.emplace(key, *value);
  }
  return quotas;
}

using Descriptions = std::vector<QuotaDescription>;

Result<void> add_clients(const std::map<std::string, ConfigMap>& configs, Stored type, const Filters& filters,
                         bool strict, Descriptions& out) {
  for (const auto& [path, config] : configs) {
    QuotaEntity entity;
    if (type == Stored::users) {
      auto parsed = parse_user_path(path);
      if (!parsed) continue;
      entity = std::move(*parsed);
    } else {
      auto parsed = parse_node_name(path);
      if (!parsed) continue;
      entity.client_id = std::move(*parsed);
    }
    if (!fits(filters.user, entity.user, strict) || !fits(filters.client_id, entity.client_id, strict)) continue;
    auto quotas = quotas_in(config, quota_key::of_clients);
    if (!quotas) return std::unexpected(quotas.error());
    if (quotas->empty()) continue;
    QuotaDescription& description = out.emplace_back();
    description.values = std::move(*quotas);
    if (entity.user.is_there()) description.entity.emplace(user_type, plain_name(entity.user));
    if (entity.client_id.is_there()) description.entity.emplace(client_id_type, plain_name(entity.client_id));
  }
  return {};
}

Result<void> add_ips(const std::map<std::string, ConfigMap>& configs, const QuotaFilter* filter, bool strict,
                     Descriptions& out) {
  for (const auto& [node, config] : configs) {
    const auto ip = parse_node_name(node);
    if (!ip || !fits(filter, *ip, strict)) continue;
    auto quotas = quotas_in(config, std::array{quota_key::connection_creation_rate});
    if (!quotas) return std::unexpected(quotas.error());
    if (quotas->empty()) continue;
    QuotaDescription& description = out.emplace_back();
    description.values = std::move(*quotas);
    description.entity.emplace(ip_type, plain_name(*ip));
  }
  return {};
}

// ---- Changing

// As Scala's toLong and toInt: towards zero, NaN is 0, what is too large is the largest there is.
std::int64_t whole(double number, std::int64_t least, std::int64_t most) {
  if (std::isnan(number)) return 0;
  if (number >= static_cast<double>(most)) return most;
  if (number <= static_cast<double>(least)) return least;
  return static_cast<std::int64_t>(number);
}

// The text to store for a whole number. Doubles that are as good as whole are taken.
Result<std::string> whole_text(const std::string& key, double value, bool is_long) {
  constexpr double epsilon = 1e-6;
  const std::int64_t number =
      is_long
          ? whole(value + epsilon, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max())
          : whole(value + epsilon, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
  if (std::fabs(static_cast<double>(number) - value) > epsilon) {
    return fail(ErrorCode::invalid_request,
                fmt::format("Configuration {} must be a {} value", key, is_long ? "LONG" : "INT"));
  }
  return std::to_string(number);
}

Result<std::string> stored_text(const std::string& key, double value, Stored type) {
  const bool is_ip = type == Stored::ips;
  if (is_ip && key == quota_key::connection_creation_rate) return whole_text(key, value, false);
  if (!is_ip && (key == quota_key::producer_byte_rate || key == quota_key::consumer_byte_rate)) {
    return whole_text(key, value, true);
  }
  if (!is_ip && (key == quota_key::request_percentage || key == quota_key::controller_mutation_rate)) {
    return java_double_text(value);
  }
  // A user's credentials are known keys, but no numbers: Kafka fails there.
  const bool is_user = type == Stored::users;
  if (is_user && scram_mechanism(key) != nullptr) return fail(ErrorCode::unknown_server_error);
  return fail(ErrorCode::invalid_request, fmt::format("Invalid configuration key {}", key));
}

}  // namespace

Result<Descriptions> QuotaAdmin::describe(const std::vector<QuotaFilter>& filters, bool strict) const {
  const auto sorted = sort_filters(filters);
  if (!sorted) return std::unexpected(sorted.error());
  if (names_an_empty_node(*sorted, strict)) return fail(ErrorCode::unknown_server_error);
  Descriptions found;
  if (sorted->ip == nullptr) {
    for (const Stored type : {Stored::users, Stored::clients}) {
      const auto configs = cluster::read_configs(store_, type);
      if (!configs) return std::unexpected(configs.error());
      if (auto added = add_clients(*configs, type, *sorted, strict, found); !added)
        return std::unexpected(added.error());
    }
    const auto pairs = cluster::read_user_client_configs(store_);
    if (!pairs) return std::unexpected(pairs.error());
    if (auto added = add_clients(*pairs, Stored::users, *sorted, strict, found); !added) {
      return std::unexpected(added.error());
    }
  }
  if (sorted->user == nullptr && sorted->client_id == nullptr) {
    const auto ips = cluster::read_configs(store_, Stored::ips);
    if (!ips) return std::unexpected(ips.error());
    if (auto added = add_ips(*ips, sorted->ip, strict, found); !added) return std::unexpected(added.error());
  }
  return found;
}

// Where an entity's quotas are stored.
struct QuotaAdmin::Node {
  Stored type = Stored::users;
  std::string entity;
};

Result<QuotaAdmin::Node> QuotaAdmin::node_of(const QuotaEntityNames& entity) const {
  if (entity.empty()) return fail(ErrorCode::invalid_request, "Invalid empty client quota entity");
  std::optional<std::string> user, client_id, ip;
  for (const auto& [type, name] : entity) {
    const std::string node = node_name(name ? EntityPart::named(*name) : EntityPart::by_default());
    if (type == user_type) {
      user = node;
    } else if (type == client_id_type) {
      client_id = node;
    } else if (type == ip_type) {
      ip = node;
    } else {
      return fail(ErrorCode::invalid_request, fmt::format("Unhandled client quota entity type: {}", type));
    }
    if (name && name->empty()) return fail(ErrorCode::invalid_request, fmt::format("Empty {} not supported", type));
  }
  if (ip && (user || client_id)) {
    return fail(ErrorCode::invalid_request,
                "Invalid quota entity combination, IP entity should not be used with user/client ID entity.");
  }
  if (ip) {
    if (*ip != cluster::default_entity && !can_resolve_(*ip)) {
      return fail(ErrorCode::invalid_request, fmt::format("{} is not a valid IP or resolvable host.", *ip));
    }
    return Node{.type = Stored::ips, .entity = *ip};
  }
  if (user && client_id) return Node{.type = Stored::users, .entity = *user + "/clients/" + *client_id};
  if (user) return Node{.type = Stored::users, .entity = *user};
  return Node{.type = Stored::clients, .entity = *client_id};
}

Result<void> QuotaAdmin::alter(const QuotaAlteration& alteration, bool validate_only) const {
  const auto node = node_of(alteration.entity);
  if (!node) return std::unexpected(node.error());
  const MutexLock lock(user_changes_);
  auto config = cluster::read_config(store_, node->type, node->entity);
  if (!config) return std::unexpected(config.error());
  for (const QuotaAlteration::Change& change : alteration.changes) {
    if (!change.value) {
      config->erase(change.key);
      continue;
    }
    auto text = stored_text(change.key, *change.value, node->type);
    if (!text) return std::unexpected(text.error());
    config->insert_or_assign(change.key, std::move(*text));
  }
  if (validate_only) return {};
  return cluster::write_config(store_, node->type, node->entity, *config);
}

}  // namespace broker
