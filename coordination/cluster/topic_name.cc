#include "coordination/cluster/topic_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace coordination::cluster {

using protocol::ErrorCode, protocol::fail;

namespace {

bool is_allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

}  // namespace

protocol::Result<void> validate_topic_name(std::string_view name) {
  const auto invalid = [](const std::string& reason) {
    return fail(ErrorCode::invalid_topic_exception, "Topic name is invalid: " + reason);
  };
  if (name.empty()) return invalid("the empty string is not allowed");
  if (name == "." || name == "..") return invalid(fmt::format("'{}' is not allowed", name));
  if (name.size() > max_topic_name_length) {
    return invalid(
        fmt::format("the length of '{}' is longer than the max allowed length {}", name, max_topic_name_length));
  }
  if (!std::ranges::all_of(name, is_allowed)) {
    return invalid(
        fmt::format("'{}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", name));
  }
  return {};
}

bool has_collision_chars(std::string_view name) { return name.find_first_of("._") != std::string_view::npos; }

std::string metric_name(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '.', '_');
  return text;
}

}  // namespace coordination::cluster
