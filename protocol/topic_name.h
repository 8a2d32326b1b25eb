// Which names a topic may have: Kafka's rule, which also keeps directory names safe. Pure function.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace protocol {

inline constexpr std::size_t topic_name_length_max = 249;  // "<name>-<partition>" with suffixes stays under 255

// Error: invalid_topic_exception with the reason.
inline Result<void> check_topic_name(std::string_view name) {
  const auto refuse = [](std::string reason) {
    return fail(ErrorCode::invalid_topic_exception, "Topic name is invalid: " + std::move(reason));
  };
  const auto is_legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (name.empty()) return refuse("the empty string is not allowed");
  if (name == "." || name == "..") return refuse("'.' or '..' is not allowed");
  if (name.size() > topic_name_length_max) {
    return refuse("the length of '" + std::string(name) + "' is longer than the max allowed length " +
                  std::to_string(topic_name_length_max));
  }
  if (!std::ranges::all_of(name, is_legal)) {
    return refuse("'" + std::string(name) +
                  "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'");
  }
  return {};
}

}  // namespace protocol
