#include "broker/network/address_limits.h"

#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>

namespace broker {

namespace ip = boost::asio::ip;

namespace {

std::optional<ip::address> resolve(const std::string& host, boost::system::error_code& error) {
  if (auto address = ip::make_address(host, error); !error) return address;
  boost::asio::io_context context;
  ip::tcp::resolver resolver(context);
  const auto found = resolver.resolve(host, "", error);
  if (error || found.empty()) return std::nullopt;
  return found.begin()->endpoint().address();
}

}  // namespace

std::optional<std::string> address_of_host(const std::string& host) {
  boost::system::error_code error;
  const auto address = resolve(host, error);
  return address ? std::optional(address->to_string()) : std::nullopt;
}

std::map<std::string, std::int32_t> limits_by_address(const std::map<std::string, std::int32_t>& limits_by_host) {
  std::map<std::string, std::int32_t> limits;
  for (const auto& [host, limit] : limits_by_host) {
    boost::system::error_code error;
    if (const auto address = resolve(host, error)) {
      limits.insert_or_assign(address->to_string(), limit);
    } else {
      spdlog::error("max.connections.per.ip.overrides: {} can't be resolved, so its limit isn't in force: {}", host,
                    error.message());
    }
  }
  return limits;
}

}  // namespace broker
