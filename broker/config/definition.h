// One row of the table of configurations: what a key is called, takes, defaults to, and whether it does anything here.
// Immutable constants; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace broker {

// Kafka's ConfigDef types. The numbers are those of DescribeConfigsResponse.ConfigType.
enum class ConfigType : std::int8_t {
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  float64 = 6,
  list = 7,
  class_name = 8,
  password = 9,
};

enum class Importance : std::uint8_t { high, medium, low };

// How a broker config may change while the broker runs. Topic configs may always change.
enum class UpdateMode : std::uint8_t { read_only, per_broker, cluster_wide };

// What a value other than the default does in this broker.
enum class Support : std::uint8_t {
  works,      // as in Kafka
  built_in,   // the wish is met whatever the value says (or it is only advice); `reason` says how
  no_effect,  // accepted with a warning at start: the function it tunes isn't there; `reason` says why
  refused,    // stops the start, or is refused per request: ignoring it would be dangerous
};

// What a value must satisfy beyond its type. A value type of constants; text of `allowed` is "a, b, c".
struct Check {
  enum class Kind : std::uint8_t {
    none,
    at_least,               // min
    between,                // min, max
    between_or,             // min, max, or exactly `other`
    one_of,                 // allowed
    one_of_any_case,        // allowed
    list_of,                // each item in allowed
    non_empty,              // not the empty string
    minus_one_or_positive,  // -1, or at least 1
    throttled_replicas,     // "*" or partition:broker items
    metadata_version,       // one of Kafka's release names
  };
  Kind kind = Kind::none;
  double min = 0;
  double max = 0;
  double other = 0;
  std::string_view allowed = {};
};

struct ConfigDefinition {
  std::string_view name;
  ConfigType type = ConfigType::string;
  std::optional<std::string_view> default_value;  // nullopt: Kafka's null
  Check check = {};
  Importance importance = Importance::medium;
  UpdateMode mode = UpdateMode::read_only;
  Support support = Support::works;
  std::string_view reason = {};          // one sentence for support other than works
  std::string_view broker_synonym = {};  // topic configs: the broker config that is their default; empty: none
  std::string_view doc = {};             // one line
  bool internal = false;                 // not listed by DescribeConfigs unless set
  bool own = false;                      // of this broker, not of Kafka

  bool sensitive() const { return type == ConfigType::password; }
};

// Every broker config of Kafka 3.9 and the few of our own, sorted by name.
std::span<const ConfigDefinition> broker_config_table();

// Every topic config of Kafka 3.9, sorted by name.
std::span<const ConfigDefinition> topic_config_table();

// The row of `name`, or null. A "listener.name.X.KEY" broker name is looked up as KEY.
const ConfigDefinition* find_broker_config(std::string_view name);
const ConfigDefinition* find_topic_config(std::string_view name);

// "max.connections" of "listener.name.external.max.connections"; other names as they are.
std::string_view without_listener_prefix(std::string_view name);

// Whether `value` fits type and check. Errors: invalid_config with Kafka's sentence, "Invalid value x for configuration
// y: …". Passwords are never quoted.
protocol::Result<void> validate_value(const ConfigDefinition& definition, std::string_view value);

// The value as Kafka writes it back: blanks around it dropped, numbers and booleans in their plain form, list items
// joined with commas. REQUIRES: validate_value() accepts it.
std::string normalized_value(const ConfigDefinition& definition, std::string_view value);

// What is allowed, for people: "a whole number, at least 1", "one of: a, b".
std::string allowed_values(const ConfigDefinition& definition);

// The table's name closest to `name`, or empty when none is close.
std::string_view nearest_name(std::span<const ConfigDefinition> table, std::string_view name);

std::string_view type_name(ConfigType type);              // "INT", "LIST" …, as in Kafka's messages
std::string_view importance_name(Importance importance);  // "high"
std::string_view mode_name(UpdateMode mode);              // "read-only", "per-broker", "cluster-wide"
std::string_view support_name(Support support);           // "works", "built in", "no effect", "refused"

}  // namespace broker
