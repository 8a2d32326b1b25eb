#include "protocol/types.h"

namespace protocol {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::string Uuid::to_string() const {
  std::string text;
  text.reserve(22);
  unsigned bits = 0;
  int count = 0;
  for (const std::byte b : bytes) {
    bits = (bits << 8) | std::to_integer<unsigned>(b);
    for (count += 8; count >= 6; count -= 6) text += alphabet[(bits >> (count - 6)) & 63];
  }
  text += alphabet[(bits << (6 - count)) & 63];
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() != 22) return std::nullopt;
  Uuid id;
  unsigned bits = 0;
  int count = 0;
  std::size_t next = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<unsigned>(value);
    count += 6;
    if (count >= 8 && next < id.bytes.size()) {
      count -= 8;
      id.bytes[next++] = static_cast<std::byte>((bits >> count) & 255);
    }
  }
  return id;
}

}  // namespace protocol
