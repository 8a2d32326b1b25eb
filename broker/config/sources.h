// Where a broker's static configuration comes from: built-in friendly values or a file, under environment variables,
// under --override. Free functions on text; reading files and the environment is the program's part.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/properties.h"
#include "protocol/result.h"

namespace broker {

struct ConfigInputs {
  std::optional<std::string> file_text;  // server.properties; unset: none was named, friendly values hold
  std::string file_name;                 // for messages
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> overrides;                    // "key=value", the last one wins
  std::optional<std::string> data_directory;             // --data-dir
  std::string default_data_directory = "barnabas-data";  // friendly values' log.dirs
  bool ephemeral = false;                                // --ephemeral
};

// What a person should read at start, once.
struct ConfigNote {
  bool warning = false;  // else information
  std::string text;
};

struct LoadedConfig {
  Properties values;
  BrokerConfigSnapshot config;
  std::vector<ConfigNote> notes;
};

// Lays the inputs over each other and checks the result. Errors: invalid_config with the place, key, value and what is
// allowed; several broken values give several lines.
protocol::Result<LoadedConfig> load_config(const ConfigInputs& inputs);

// The values of a broker that nobody configured: on localhost, nothing waits for more members or replicas.
Properties friendly_values();

// KAFKA_LOG_RETENTION_MS as "log.retention.ms": "_" is a dot, "__" an underscore, "___" a dash; KAFKA_CFG_… is the
// same. Empty: not a configuration (KAFKA_HEAP_OPTS, another program's variable …).
std::string config_name_of_variable(std::string_view variable);

// One note for each value that does nothing here or isn't known.
std::vector<ConfigNote> notes_on(const Properties& values);

}  // namespace broker
