#include "coordination/cluster/broker_registration.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "coordination/cluster/json_fields.h"
#include "coordination/cluster/znodes.h"

namespace coordination::cluster {

using metadata_store::CreateMode, metadata_store::MetadataStore, metadata_store::Operation, metadata_store::StoreError,
    metadata_store::StoreResult, metadata_store::Watch;
using protocol::ErrorCode, protocol::fail, protocol::Result;

namespace {

constexpr std::array protocol_names = {std::string_view("PLAINTEXT"), std::string_view("SSL"),
                                       std::string_view("SASL_PLAINTEXT"), std::string_view("SASL_SSL")};

// "NAME://host:port", brackets around IPv6 addresses.
std::string connection_string(const BrokerEndpoint& endpoint) {
  const bool ipv6 = endpoint.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", endpoint.listener, ipv6 ? "[" : "", endpoint.host, ipv6 ? "]" : "",
                     endpoint.port);
}

std::optional<BrokerEndpoint> parse_connection_string(std::string_view text) {
  const auto scheme = text.find("://");
  const auto colon = text.rfind(':');
  if (scheme == std::string_view::npos || colon == std::string_view::npos || colon < scheme + 3) return std::nullopt;
  std::string_view host = text.substr(scheme + 3, colon - scheme - 3);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto port = json::parse_number<std::int32_t>(text.substr(colon + 1));
  if (!port || scheme == 0) return std::nullopt;
  return BrokerEndpoint{std::string(text.substr(0, scheme)), std::string(host), *port, SecurityProtocol::plaintext};
}

// Fills in the endpoints of versions 2 and later. Listeners without an entry in the map are named after their protocol.
bool decode_endpoints(const boost::json::object& object, BrokerRegistration& broker) {
  const boost::json::value* endpoints = object.if_contains("endpoints");
  if (!endpoints || !endpoints->is_array()) return false;
  const boost::json::object* protocols = json::object_field(object, "listener_security_protocol_map");
  for (const boost::json::value& element : endpoints->get_array()) {
    if (!element.is_string()) return false;
    auto endpoint = parse_connection_string(std::string_view(element.get_string()));
    if (!endpoint) return false;
    const auto name = protocols ? json::string_field(*protocols, endpoint->listener) : endpoint->listener;
    const auto security = name ? parse_security_protocol(*name) : std::nullopt;
    if (!security) return false;
    endpoint->security_protocol = *security;
    broker.endpoints.push_back(std::move(*endpoint));
  }
  return true;
}

const BrokerEndpoint* first_plaintext(const BrokerRegistration& broker) {
  for (const BrokerEndpoint& endpoint : broker.endpoints) {
    if (endpoint.security_protocol == SecurityProtocol::plaintext) return &endpoint;
  }
  return nullptr;
}

// Two brokers at one address would take each other's connections.
Result<void> check_addresses_are_free(MetadataStore& store, const BrokerRegistration& broker) {
  const auto brokers = read_brokers(store);
  if (!brokers) return std::unexpected(to_error(brokers.error(), "reading the registered brokers"));
  for (const BrokerRegistration& other : *brokers) {
    if (other.id == broker.id) continue;
    for (const BrokerEndpoint& theirs : other.endpoints) {
      for (const BrokerEndpoint& ours : broker.endpoints) {
        if (ours.host == theirs.host && ours.port == theirs.port) {
          return fail(ErrorCode::invalid_registration,
                      fmt::format("Configured end points {}:{} in advertised listeners are already registered by "
                                  "broker {}",
                                  ours.host, ours.port, other.id));
        }
      }
    }
  }
  return {};
}

}  // namespace

std::string_view name(SecurityProtocol protocol) {
  const auto index = static_cast<std::size_t>(protocol);
  return index < protocol_names.size() ? protocol_names[index] : std::string_view("UNKNOWN");
}

std::optional<SecurityProtocol> parse_security_protocol(std::string_view name) {
  for (std::size_t i = 0; i < protocol_names.size(); ++i) {
    if (protocol_names[i] == name) return static_cast<SecurityProtocol>(i);
  }
  return std::nullopt;
}

const BrokerEndpoint* BrokerRegistration::endpoint(std::string_view listener) const {
  for (const BrokerEndpoint& candidate : endpoints) {
    if (candidate.listener == listener) return &candidate;
  }
  return nullptr;
}

std::string encode(const BrokerRegistration& broker) {
  std::string protocols, endpoints;
  for (const BrokerEndpoint& endpoint : broker.endpoints) {
    const char* comma = endpoints.empty() ? "" : ",";
    protocols += fmt::format("{}{}:\"{}\"", comma, json::quoted(endpoint.listener), name(endpoint.security_protocol));
    endpoints += fmt::format("{}{}", comma, json::quoted(connection_string(endpoint)));
  }
  const BrokerEndpoint* plaintext = first_plaintext(broker);
  return fmt::format(
      R"({{"features":{{}},"listener_security_protocol_map":{{{}}},"endpoints":[{}],{}"jmx_port":{},"port":{},"host":{},)"
      R"("version":5,"timestamp":"{}"}})",
      protocols, endpoints, broker.rack ? fmt::format(R"("rack":{},)", json::quoted(*broker.rack)) : "",
      broker.jmx_port, plaintext ? plaintext->port : -1, plaintext ? json::quoted(plaintext->host) : "null",
      broker.timestamp_ms);
}

Result<BrokerRegistration> decode_broker_registration(BrokerId id, std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::unknown_server_error,
                fmt::format("Failed to parse the registration of broker {}: {}", id, text.substr(0, 500)));
  };
  const auto object = json::parse_object(text);
  if (!object) return bad();
  const auto version = json::int_field(*object, "version");
  const auto jmx_port = json::int_field(*object, "jmx_port");
  if (!version || *version < 1 || !jmx_port) return bad();
  BrokerRegistration broker{.id = id, .rack = json::string_field(*object, "rack"), .jmx_port = *jmx_port};
  const auto timestamp = json::string_field(*object, "timestamp");
  if (timestamp) broker.timestamp_ms = json::parse_number<std::int64_t>(*timestamp).value_or(0);
  if (*version == 1) {
    const auto host = json::string_field(*object, "host");
    const auto port = json::int_field(*object, "port");
    if (!host || !port) return bad();
    broker.endpoints.push_back({"PLAINTEXT", *host, *port, SecurityProtocol::plaintext});
  } else if (!decode_endpoints(*object, broker)) {
    return bad();
  }
  return broker;
}

std::optional<BrokerRegistration> to_registration(BrokerId id, const metadata_store::Node& node) {
  auto broker = decode_broker_registration(id, node.data);
  if (!broker) {
    spdlog::error("{}", broker.error().text());
    return std::nullopt;
  }
  broker->epoch = node.stat.czxid;
  return std::move(*broker);
}

StoreResult<std::vector<BrokerRegistration>> read_brokers(MetadataStore& store, Watch watch) {
  const auto children = store.children(path::broker_ids, std::move(watch));
  if (!children && children.error() == StoreError::no_node) return std::vector<BrokerRegistration>();
  if (!children) return std::unexpected(children.error());
  std::vector<BrokerId> ids;
  for (const std::string& child : *children) {
    if (const auto id = json::parse_number<BrokerId>(child)) {
      ids.push_back(*id);
    } else {
      spdlog::error("{}/{} is not a broker id; it is ignored.", path::broker_ids, child);
    }
  }
  std::ranges::sort(ids);
  std::vector<std::string> paths;
  for (const BrokerId id : ids) paths.push_back(path::broker_id(id));
  const auto nodes = store.get_each(paths);
  std::vector<BrokerRegistration> brokers;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!nodes[i] && nodes[i].error() == StoreError::no_node) continue;  // it went away meanwhile
    if (!nodes[i]) return std::unexpected(nodes[i].error());
    if (auto broker = to_registration(ids[i], *nodes[i])) brokers.push_back(std::move(*broker));
  }
  return brokers;
}

Result<std::int64_t> register_broker(MetadataStore& store, const BrokerRegistration& broker,
                                     std::int64_t previous_session_id) {
  if (auto free = check_addresses_are_free(store, broker); !free) return std::unexpected(free.error());
  const std::string path = path::broker_id(broker.id);
  // Created empty and then set within one change: the set's answer carries the czxid.
  const metadata_store::Transaction steps = {Operation::create(path, {}, CreateMode::ephemeral),
                                             Operation::set(path, encode(broker), 0)};
  for (int attempt = 0; attempt < 10; ++attempt) {
    const auto created = store.multi(steps);
    if (created) return (*created)[1].stat.czxid;
    if (created.error().error != StoreError::node_exists) {
      return std::unexpected(to_error(created.error().error, "registering the broker at " + path));
    }
    const auto existing = store.get(path);
    if (!existing) continue;  // it went away meanwhile
    const std::int64_t owner = existing->stat.ephemeral_owner;
    if (owner == store.session_id()) return existing->stat.czxid;
    if (owner != previous_session_id || owner == 0) break;
    // The server hasn't noticed yet that this process's last session is over.
    const auto removed = store.remove(path);
    if (!removed && removed.error() != StoreError::no_node) break;
  }
  return fail(
      ErrorCode::duplicate_broker_registration,
      fmt::format("Broker id {} is registered by another process ({}). Another broker with this id is running, "
                  "or it ended without closing its session, which the store then keeps for the session timeout.",
                  broker.id, path));
}

Result<void> update_broker_registration(MetadataStore& store, const BrokerRegistration& broker) {
  const auto updated = store.set(path::broker_id(broker.id), encode(broker));
  if (!updated) return std::unexpected(to_error(updated.error(), "updating the broker's registration"));
  return {};
}

}  // namespace coordination::cluster
