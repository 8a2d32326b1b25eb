// Listener addresses as configuration writes them: "NAME://host:port". Values; no synchronisation of their own.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"

namespace broker {

struct Endpoint {
  std::string listener;           // upper case, "PLAINTEXT"
  std::string security_protocol;  // PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
  std::string host;               // empty or 0.0.0.0: every interface; IPv6 without brackets
  std::uint16_t port = 0;         // 0: any free port

  std::string text() const;  // "PLAINTEXT://localhost:9092", IPv6 in brackets
  bool operator==(const Endpoint&) const = default;
};

// Listener name (upper case) to security protocol.
using SecurityProtocolMap = std::map<std::string, std::string, std::less<>>;

// Reads "NAME:PROTOCOL,…". `key` is the config's name for messages.
protocol::Result<SecurityProtocolMap> parse_protocol_map(std::string_view key, std::string_view value);

// Reads "NAME://host:port,…" with Kafka's rules: names unique, ports unique unless `same_port_allowed` (advertised
// listeners) or one IPv4 and one IPv6 address share it, every name in `protocols`.
protocol::Result<std::vector<Endpoint>> parse_endpoints(std::string_view key, std::string_view value,
                                                        const SecurityProtocolMap& protocols, bool same_port_allowed);

}  // namespace broker
