// Where a broker listens, as command lines write it: "host", "host:port", "[::1]:9092". Values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"

namespace broker::client {

struct Address {
  std::string host = "localhost";
  std::uint16_t port = 9092;

  std::string text() const;
  bool operator==(const Address&) const = default;
};

// A comma-separated list, as --bootstrap takes it. invalid_request with a sentence when it is not one.
protocol::Result<std::vector<Address>> parse_addresses(std::string_view text);

}  // namespace broker::client
