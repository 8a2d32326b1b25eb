// Guesses, from the first bytes of a connection, what somebody speaks who doesn't speak Kafka. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace broker {

enum class ForeignProtocol : std::uint8_t { unknown, tls, http, ssh };

// `start` is what the connection sent first, at least four bytes.
ForeignProtocol guess_foreign_protocol(std::span<const std::byte> start);

// Why a frame of this length closes the connection, for the log: "it looks like a TLS ClientHello; …".
// `http_hint` says where the HTTP listener is, or is empty.
std::string explain_bad_frame(std::span<const std::byte> start, std::int64_t request_max_bytes,
                              std::string_view security_protocol, std::string_view http_hint);

}  // namespace broker
