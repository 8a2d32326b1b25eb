#include "broker/network/address_watch.h"

#include <fmt/format.h>

namespace broker {
namespace {

bool is_loopback(std::string_view host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::string address_text(std::string_view host, std::int32_t port) {
  return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                  : fmt::format("[{}]:{}", host, port);
}

// Nothing translates addresses within one machine: the client's own connection proves that it can come there.
bool is_proven(const ConnectionInfo& connection, std::string_view host, std::int32_t port) {
  return is_loopback(connection.client_ip) && is_loopback(host) && port == connection.local_port;
}

}  // namespace

bool AddressWatch::told(const ConnectionInfo& connection, std::string_view client_id, std::string_view host,
                        std::int32_t port) {
  if (is_proven(connection, host, port)) return false;
  const protocol::MutexLock lock(mutex_);
  std::string told = address_text(host, port);
  if (asking_.size() >= asking_max || warned_.size() >= warnings_max) return false;
  if (warned_.contains({connection.client_ip, told})) return false;
  asking_.try_emplace(connection.id, Asking{.client_ip = connection.client_ip,
                                            .client_id = std::string(client_id),
                                            .told = std::move(told),
                                            .came_in_on = address_text(connection.local_host, connection.local_port)});
  return true;
}

void AddressWatch::arrived(const ConnectionInfo& connection, std::string_view client_id) {
  const protocol::MutexLock lock(mutex_);
  std::erase_if(asking_, [&](const auto& entry) {
    return entry.first != connection.id && entry.second.client_id == client_id &&
           entry.second.client_ip == connection.client_ip;
  });
}

void AddressWatch::settled(const ConnectionInfo& connection) {
  const protocol::MutexLock lock(mutex_);
  asking_.erase(connection.id);
}

std::vector<std::string> AddressWatch::due(std::int64_t now_ms) {
  const protocol::MutexLock lock(mutex_);
  std::vector<std::string> warnings;
  for (auto it = asking_.begin(); it != asking_.end();) {
    Asking& asking = it->second;
    if (asking.noticed_ms < 0) asking.noticed_ms = now_ms;
    if (now_ms - asking.noticed_ms < patience_ms) {
      ++it;
      continue;
    }
    if (warned_.size() < warnings_max && warned_.emplace(asking.client_ip, asking.told).second) {
      warnings.push_back(fmt::format(
          "Client \"{}\" at {} asked for a topic's brokers, was told {}, and never came there. If it hangs, it can't "
          "reach that address: set advertised.listeners to one that it can (it came in on {})",
          asking.client_id, asking.client_ip, asking.told, asking.came_in_on));
    }
    it = asking_.erase(it);
  }
  return warnings;
}

}  // namespace broker
