// What values of a configuration may be: types as Kafka's ConfigDef parses them, checks as its validators make them,
// and the sentences both use.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "broker/config/definition.h"
#include "broker/config/text.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

// Kafka 3.9's releases as inter.broker.protocol.version takes them: "2.8", "2.8-IV1", "2.8.1" …
struct Release {
  std::string_view name;
  int last_iv;  // highest -IVn suffix; -1: none
};
constexpr Release releases[] = {
    {"0.8.0", -1}, {"0.8.1", -1}, {"0.8.2", -1}, {"0.9.0", -1}, {"0.10.0", 1}, {"0.10.1", 2},
    {"0.10.2", 0}, {"0.11.0", 2}, {"1.0", 0},    {"1.1", 0},    {"2.0", 1},    {"2.1", 2},
    {"2.2", 1},    {"2.3", 1},    {"2.4", 1},    {"2.5", 0},    {"2.6", 0},    {"2.7", 2},
    {"2.8", 1},    {"3.0", 1},    {"3.1", 0},    {"3.2", 0},    {"3.3", 3},    {"3.4", 0},
    {"3.5", 2},    {"3.6", 2},    {"3.7", 4},    {"3.8", 0},    {"3.9", 0},
};

// A release with an -IVn suffix, a release alone, or a release with a patch level (which is dropped).
bool is_metadata_version(std::string_view text) {
  const std::ptrdiff_t segments_max = text.starts_with("0.") ? 3 : 2;
  if (std::ranges::count(text, '.') >= segments_max) text = text.substr(0, text.rfind('.'));
  const std::size_t dash = text.find("-IV");
  const std::string_view name = text.substr(0, dash);
  const auto* release = std::ranges::find(releases, name, &Release::name);
  if (release == std::end(releases)) return false;
  if (dash == std::string_view::npos) return true;
  const auto level = parse_int64(text.substr(dash + 3));
  return level && *level >= 0 && *level <= release->last_iv;
}

bool is_throttled_replicas(std::string_view value) {
  const auto items = split_list(value);
  if (fmt::format("{}", fmt::join(items, "")) == "*") return true;
  return std::ranges::all_of(items, [](std::string_view item) {
    if (item.empty()) return true;
    const std::size_t colon = item.find(':');
    if (colon == std::string_view::npos) return false;
    const auto is_number = [](std::string_view text) {
      return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    };
    return is_number(item.substr(0, colon)) && is_number(item.substr(colon + 1));
  });
}

bool contains(std::string_view allowed, std::string_view item, bool any_case) {
  return std::ranges::any_of(split_list(allowed), [&](std::string_view candidate) {
    return any_case ? equal_ignoring_case(candidate, item) : candidate == item;
  });
}

std::unexpected<protocol::Error> invalid(const ConfigDefinition& definition, std::string_view value,
                                         std::string_view why) {
  const std::string_view shown = definition.sensitive() ? "[hidden]" : value;
  return fail(ErrorCode::invalid_config,
              fmt::format("Invalid value {} for configuration {}: {}", shown, definition.name, why));
}

// 3 as "3", 0.5 as "0.5": how bounds read in messages.
std::string number_text(double number) { return fmt::format("{}", number); }

bool fits_integer(ConfigType type, std::int64_t number) {
  if (type == ConfigType::int16) return number >= INT16_MIN && number <= INT16_MAX;
  if (type == ConfigType::int32) return number >= INT32_MIN && number <= INT32_MAX;
  return true;
}

Result<double> parse_number(const ConfigDefinition& definition, std::string_view value) {
  const auto not_a_number = [&] {
    return invalid(definition, value, fmt::format("Not a number of type {}", type_name(definition.type)));
  };
  if (definition.type == ConfigType::float64) {
    const auto number = parse_double(trim(value));
    if (!number) return not_a_number();
    return *number;
  }
  const auto number = parse_int64(trim(value));
  if (!number || !fits_integer(definition.type, *number)) return not_a_number();
  return static_cast<double>(*number);
}

Result<void> check_number(const ConfigDefinition& definition, std::string_view text) {
  const auto number = parse_number(definition, text);
  if (!number) return std::unexpected(number.error());
  // What isn't a number is shown as it was written, what is one as it was understood.
  const std::string value = normalized_value(definition, text);
  const Check& check = definition.check;
  switch (check.kind) {
    case Check::Kind::at_least:
    case Check::Kind::between:
      if (*number < check.min) return invalid(definition, value, "Value must be at least " + number_text(check.min));
      if (check.kind == Check::Kind::between && *number > check.max) {
        return invalid(definition, value, "Value must be no more than " + number_text(check.max));
      }
      return {};
    case Check::Kind::between_or:
      if ((*number < check.min || *number > check.max) && *number != check.other) {
        return invalid(
            definition, value,
            fmt::format("Value must be between {} and {} or equal to {}", check.min, check.max, check.other));
      }
      return {};
    case Check::Kind::minus_one_or_positive:
      if (*number < -1 || *number == 0) return invalid(definition, value, "Value can be -1 or greater than 0");
      return {};
    default:
      return {};
  }
}

Result<void> check_text(const ConfigDefinition& definition, std::string_view value) {
  const Check& check = definition.check;
  switch (check.kind) {
    case Check::Kind::one_of:
      if (contains(check.allowed, value, false)) return {};
      return invalid(definition, value, fmt::format("String must be one of: {}", check.allowed));
    case Check::Kind::one_of_any_case:
      if (contains(check.allowed, value, true)) return {};
      return invalid(definition, value, fmt::format("String must be one of (case insensitive): {}", check.allowed));
    case Check::Kind::non_empty:
      if (!value.empty()) return {};
      return invalid(definition, value, "String must be non-empty");
    case Check::Kind::metadata_version:
      if (is_metadata_version(value)) return {};
      return invalid(definition, value, fmt::format("Version {} is not a valid version", value));
    default:
      return {};
  }
}

Result<void> check_list(const ConfigDefinition& definition, std::string_view value) {
  if (definition.check.kind == Check::Kind::throttled_replicas && !is_throttled_replicas(value)) {
    return invalid(definition, fmt::format("[{}]", fmt::join(split_list(value), ", ")),
                   fmt::format("{} must be the literal '*' or a list of replicas in the following format: "
                               "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
                               definition.name));
  }
  if (definition.check.kind != Check::Kind::list_of) return {};
  for (const std::string_view item : split_list(value)) {
    if (!contains(definition.check.allowed, item, false)) {
      return invalid(definition, item, fmt::format("String must be one of: {}", definition.check.allowed));
    }
  }
  return {};
}

bool is_boolean(std::string_view value) {
  return equal_ignoring_case(value, "true") || equal_ignoring_case(value, "false");
}

}  // namespace

Result<void> validate_value(const ConfigDefinition& definition, std::string_view value) {
  const std::string_view trimmed = trim(value);
  switch (definition.type) {
    case ConfigType::boolean:
      if (is_boolean(trimmed)) return {};
      return invalid(definition, value, "Expected value to be either true or false");
    case ConfigType::int16:
    case ConfigType::int32:
    case ConfigType::int64:
    case ConfigType::float64:
      return check_number(definition, value);
    case ConfigType::list:
      return check_list(definition, trimmed);
    case ConfigType::string:
      return check_text(definition, trimmed);
    case ConfigType::class_name:
    case ConfigType::password:
      return {};
  }
  return {};
}

std::string normalized_value(const ConfigDefinition& definition, std::string_view value) {
  const std::string_view trimmed = trim(value);
  switch (definition.type) {
    case ConfigType::boolean:
      return equal_ignoring_case(trimmed, "true") ? "true" : "false";
    case ConfigType::int16:
    case ConfigType::int32:
    case ConfigType::int64:
      return std::to_string(parse_int64(trimmed).value_or(0));
    case ConfigType::float64:
      return java_double_text(parse_double(trimmed).value_or(0));
    case ConfigType::list:
      return fmt::format("{}", fmt::join(split_list(trimmed), ","));
    default:
      return std::string(trimmed);
  }
}

std::string allowed_values(const ConfigDefinition& definition) {
  const Check& check = definition.check;
  std::string text;
  switch (definition.type) {
    case ConfigType::boolean:
      return "true or false";
    case ConfigType::float64:
      text = "a number";
      break;
    case ConfigType::int16:
    case ConfigType::int32:
    case ConfigType::int64:
      text = "a whole number";
      break;
    case ConfigType::list:
      text = "a list, separated by commas";
      break;
    default:
      text = "text";
  }
  switch (check.kind) {
    case Check::Kind::none:
      return text;
    case Check::Kind::at_least:
      return fmt::format("{}, at least {}", text, check.min);
    case Check::Kind::between:
      return fmt::format("{} from {} to {}", text, check.min, check.max);
    case Check::Kind::between_or:
      return fmt::format("{} from {} to {}, or {}", text, check.min, check.max, check.other);
    case Check::Kind::minus_one_or_positive:
      return text + ", at least 1, or -1";
    case Check::Kind::one_of:
    case Check::Kind::one_of_any_case:
      return fmt::format("one of: {}", check.allowed);
    case Check::Kind::list_of:
      return fmt::format("any of: {}, separated by commas", check.allowed);
    case Check::Kind::non_empty:
      return text + ", not empty";
    case Check::Kind::throttled_replicas:
      return "*, or partition:broker pairs separated by commas";
    case Check::Kind::metadata_version:
      return "a Kafka release, 0.8.0 to 3.9-IV0";
  }
  return text;
}

}  // namespace broker
