// The ErrorMessage field of an answer, by Kafka's rule.
#pragma once

#include <optional>

#include "protocol/bytes.h"
#include "protocol/result.h"

namespace broker {

// The specific sentence; null when there is none, and for unknown_server_error, whose sentence is for our log only.
inline std::optional<protocol::String> error_message(const protocol::Error& error) {
  if (error.message.empty() || error.code == protocol::ErrorCode::unknown_server_error) return std::nullopt;
  return protocol::String(error.message);
}

}  // namespace broker
