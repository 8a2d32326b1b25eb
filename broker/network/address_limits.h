// max.connections.per.ip.overrides with its host names turned into the addresses that connections come from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace broker {

// The address that a host's name or number stands for, as Asio prints it; a name's first one. Nothing: it can't be
// resolved. May wait for a name server.
std::optional<std::string> address_of_host(const std::string& host);

// By address as Asio prints it. A name stands for its first address, as in Kafka's SocketServer; one that can't be
// resolved is left out, with an error in the log. May wait for a name server.
std::map<std::string, std::int32_t> limits_by_address(const std::map<std::string, std::int32_t>& limits_by_host);

}  // namespace broker
