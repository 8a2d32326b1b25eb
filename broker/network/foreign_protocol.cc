#include "broker/network/foreign_protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace broker {
namespace {

constexpr std::array<std::string_view, 10> http_starts = {"GET ", "POST", "HEAD", "PUT ", "DELE",
                                                          "OPTI", "PATC", "CONN", "TRAC", "PRI "};

std::int32_t frame_length(std::span<const std::byte> start) {
  std::uint32_t raw = 0;
  std::memcpy(&raw, start.data(), sizeof(raw));
  return static_cast<std::int32_t>(std::byteswap(raw));
}

}  // namespace

ForeignProtocol guess_foreign_protocol(std::span<const std::byte> start) {
  const std::string_view text(reinterpret_cast<const char*>(start.data()), std::min<std::size_t>(start.size(), 4));
  // A TLS record: handshake (22), version 3.x.
  if (text.size() >= 2 && text[0] == '\x16' && text[1] == '\x03') return ForeignProtocol::tls;
  if (std::ranges::find(http_starts, text) != http_starts.end()) return ForeignProtocol::http;
  if (text == "SSH-") return ForeignProtocol::ssh;
  return ForeignProtocol::unknown;
}

std::string explain_bad_frame(std::span<const std::byte> start, std::int64_t request_max_bytes,
                              std::string_view security_protocol, std::string_view http_hint) {
  switch (guess_foreign_protocol(start)) {
    case ForeignProtocol::tls:
      return fmt::format("it looks like a TLS ClientHello; this listener is {}", security_protocol);
    case ForeignProtocol::http:
      return fmt::format("it looks like HTTP; this listener speaks the Kafka protocol{}{}",
                         http_hint.empty() ? "" : ", ", http_hint);
    case ForeignProtocol::ssh:
      return "it looks like SSH; this listener speaks the Kafka protocol";
    case ForeignProtocol::unknown:
      break;
  }
  const std::int32_t length = frame_length(start);
  if (length < 0) return fmt::format("it announced a request of {} bytes, which no Kafka client does", length);
  return fmt::format("it announced a request of {} bytes; socket.request.max.bytes is {}", length, request_max_bytes);
}

}  // namespace broker
