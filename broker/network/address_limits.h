// max.connections.per.ip.overrides with its host names turned into the addresses that connections come from.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace broker {

// By address as Asio prints it. A name stands for its first address, as in Kafka's SocketServer; one that can't be
// resolved is left out, with an error in the log. May wait for a name server.
std::map<std::string, std::int32_t> limits_by_address(const std::map<std::string, std::int32_t>& limits_by_host);

}  // namespace broker
