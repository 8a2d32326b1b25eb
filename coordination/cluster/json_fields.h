// Reading JSON objects field by field, as strictly as Kafka does, without exceptions. For the .cc files that decode
// nodes; nothing else should include it (Boost.JSON is heavy).
#pragma once

#include <boost/json.hpp>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coordination::cluster::json {

// The object that the text is; none when it is anything else.
inline std::optional<boost::json::object> parse_object(std::string_view text) {
  // Java writes whatever characters it was given; what isn't UTF-8 shall not make a node unreadable.
  boost::json::parse_options options;
  options.allow_invalid_utf8 = true;
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(text, error, {}, options);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

// The text as a JSON string, quotes and escapes included.
inline std::string quoted(std::string_view text) { return boost::json::serialize(boost::json::string_view(text)); }

inline std::optional<std::int32_t> to_int(const boost::json::value& value) {
  if (!value.is_int64()) return std::nullopt;
  const std::int64_t number = value.get_int64();
  if (number < INT32_MIN || number > INT32_MAX) return std::nullopt;
  return static_cast<std::int32_t>(number);
}

inline std::optional<std::int32_t> int_field(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value ? to_int(*value) : std::nullopt;
}

inline std::optional<std::string> string_field(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(std::string_view(value->get_string()));
}

inline const boost::json::object* object_field(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value ? value->if_object() : nullptr;
}

inline std::optional<std::vector<std::int32_t>> to_ints(const boost::json::value& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<std::int32_t> numbers;
  for (const boost::json::value& element : value.get_array()) {
    const auto number = to_int(element);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

// A number written as text, as Kafka does with longs.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

}  // namespace coordination::cluster::json
