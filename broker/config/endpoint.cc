#include "broker/config/endpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/config/text.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

constexpr std::string_view known_protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

std::unexpected<protocol::Error> invalid(std::string_view key, std::string_view value, std::string_view why) {
  return fail(ErrorCode::invalid_config, fmt::format("Invalid value {} for configuration {}: {}", value, key, why));
}

bool is_ipv6(std::string_view host) { return host.find(':') != std::string_view::npos; }

bool is_ipv4(std::string_view host) {
  return !host.empty() && std::ranges::count(host, '.') == 3 &&
         std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

// Splits "host:port" and "[v6]:port".
Result<void> parse_host_port(std::string_view key, std::string_view item, std::string_view text, Endpoint& endpoint) {
  const std::size_t colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt : parse_int64(text.substr(colon + 1));
  if (!port) return invalid(key, item, "a listener is written NAME://host:port");
  if (*port < 0 || *port > 65535) return invalid(key, item, "a port is a number from 0 to 65535");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (is_ipv6(host)) {
    return invalid(key, item, "an IPv6 address stands in brackets, as in NAME://[::1]:9092");
  }
  endpoint.host = std::string(host);
  endpoint.port = static_cast<std::uint16_t>(*port);
  return {};
}

Result<Endpoint> parse_endpoint(std::string_view key, std::string_view item, const SecurityProtocolMap& protocols) {
  const std::size_t slashes = item.find("://");
  if (slashes == std::string_view::npos || slashes == 0) {
    return invalid(key, item, "a listener is written NAME://host:port");
  }
  Endpoint endpoint;
  endpoint.listener = to_upper(trim(item.substr(0, slashes)));
  const auto protocol = protocols.find(endpoint.listener);
  if (protocol == protocols.end()) {
    return invalid(key, item,
                   fmt::format("No security protocol defined for listener {} in listener.security.protocol.map",
                               endpoint.listener));
  }
  endpoint.security_protocol = protocol->second;
  if (auto parsed = parse_host_port(key, item, trim(item.substr(slashes + 3)), endpoint); !parsed) {
    return std::unexpected(parsed.error());
  }
  return endpoint;
}

// One IPv4 and one IPv6 address may share a port.
bool may_share_port(const Endpoint& a, const Endpoint& b) {
  return (is_ipv4(a.host) && is_ipv6(b.host)) || (is_ipv6(a.host) && is_ipv4(b.host));
}

Result<void> check_distinct(std::string_view key, std::string_view value, const std::vector<Endpoint>& endpoints,
                            bool same_port_allowed) {
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Endpoint& a = endpoints[j];
      const Endpoint& b = endpoints[i];
      if (a.listener == b.listener && !may_share_port(a, b)) {
        return invalid(key, value,
                       fmt::format("Each listener must have a different name, {} occurs twice", a.listener));
      }
      if (!same_port_allowed && a.port != 0 && a.port == b.port && !may_share_port(a, b)) {
        return invalid(key, value, fmt::format("Each listener must have a different port, {} occurs twice", a.port));
      }
    }
  }
  return {};
}

}  // namespace

std::string Endpoint::text() const {
  return is_ipv6(host) ? fmt::format("{}://[{}]:{}", listener, host, port)
                       : fmt::format("{}://{}:{}", listener, host, port);
}

Result<SecurityProtocolMap> parse_protocol_map(std::string_view key, std::string_view value) {
  SecurityProtocolMap protocols;
  for (const std::string_view item : split_list(value)) {
    const std::size_t colon = item.rfind(':');
    if (colon == std::string_view::npos) return invalid(key, value, "entries are written NAME:PROTOCOL");
    std::string protocol = to_upper(trim(item.substr(colon + 1)));
    if (std::ranges::find(known_protocols, protocol) == std::end(known_protocols)) {
      return invalid(
          key, value,
          fmt::format("Invalid security protocol `{}`; known are {}", protocol, fmt::join(known_protocols, ", ")));
    }
    protocols[to_upper(trim(item.substr(0, colon)))] = std::move(protocol);
  }
  return protocols;
}

Result<std::vector<Endpoint>> parse_endpoints(std::string_view key, std::string_view value,
                                              const SecurityProtocolMap& protocols, bool same_port_allowed) {
  std::vector<Endpoint> endpoints;
  for (const std::string_view item : split_list(value)) {
    if (item.empty()) continue;
    auto endpoint = parse_endpoint(key, item, protocols);
    if (!endpoint) return std::unexpected(endpoint.error());
    endpoints.push_back(std::move(*endpoint));
  }
  if (auto distinct = check_distinct(key, value, endpoints, same_port_allowed); !distinct) {
    return std::unexpected(distinct.error());
  }
  return endpoints;
}

}  // namespace broker
