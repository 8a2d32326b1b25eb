// What a topic may be called, and which names are Kafka's own. Kafka's rules, which also keep directory names safe.
// Pure functions.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace protocol {

// The topics of the coordinators of groups and of transactions.
inline constexpr std::string_view consumer_offsets_topic = "__consumer_offsets";
inline constexpr std::string_view transaction_state_topic = "__transaction_state";

inline constexpr std::size_t topic_name_length_max = 249;  // "<name>-<partition>" with suffixes stays under 255

// Error: invalid_topic_exception with Kafka's sentence.
inline Result<void> check_topic_name(std::string_view name) {
  const auto refuse = [](std::string reason) {
    return fail(ErrorCode::invalid_topic_exception, "Topic name is invalid: " + std::move(reason));
  };
  const auto is_legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (name.empty()) return refuse("the empty string is not allowed");
  if (name == "." || name == "..") return refuse("'" + std::string(name) + "' is not allowed");
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

// Whether the name has a '.' or '_', which metric names don't tell apart.
inline bool has_collision_chars(std::string_view name) { return name.find_first_of("._") != std::string_view::npos; }

// The name as metrics show it, '_' for '.': two topics may not have the same.
inline std::string metric_name(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '.', '_');
  return text;
}

}  // namespace protocol
