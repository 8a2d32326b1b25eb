#include "broker/client/address.h"

#include <charconv>

#include <fmt/format.h>

namespace broker::client {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

Result<Address> parse_address(std::string_view text) {
  Address address;
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return fail(ErrorCode::invalid_request, fmt::format("'{}' lacks a ]", text));
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (host.empty()) return fail(ErrorCode::invalid_request, fmt::format("'{}' names no host", text));
  address.host = host;
  if (port.empty()) return address;
  const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), address.port);
  if (port.front() != ':' || error != std::errc() || end != port.data() + port.size() || address.port == 0) {
    return fail(ErrorCode::invalid_request, fmt::format("'{}' is not host:port", text));
  }
  return address;
}

}  // namespace

std::string Address::text() const {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<std::vector<Address>> parse_addresses(std::string_view text) {
  std::vector<Address> addresses;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto address = parse_address(text.substr(0, comma));
    if (!address) return std::unexpected(address.error());
    addresses.push_back(std::move(*address));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (addresses.empty()) return fail(ErrorCode::invalid_request, "An address is needed, such as localhost:9092");
  return addresses;
}

}  // namespace broker::client
