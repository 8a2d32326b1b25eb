// Small conversions that the group handlers share. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/byte_string.h"
#include "protocol/bytes.h"

namespace broker {

inline std::optional<std::string_view> viewed(const std::optional<protocol::String>& text) {
  if (!text) return std::nullopt;
  return text->view();
}

inline std::optional<protocol::String> owned(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return protocol::String(*text);
}

inline protocol::ByteString owned_bytes(const std::string& bytes) { return protocol::ByteString::copy_of(bytes); }

}  // namespace broker
