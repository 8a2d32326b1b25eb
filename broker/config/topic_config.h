// Topic configs: validation of overrides, and the settings a partition's log runs with. Free functions on values; safe
// from any thread. The table's rows are in definition.h (topic_config_table).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/config/broker_config.h"
#include "broker/config/definition.h"
#include "broker/config/properties.h"
#include "protocol/result.h"
#include "storage/log_config.h"

namespace broker {

// Whether a topic may have these overrides (the whole set it shall have, not only the change).
// Errors: invalid_config with Kafka's sentence: unknown name, bad value, values that contradict each other (over the
// broker's defaults), or a function this broker doesn't have (remote.storage.enable).
protocol::Result<void> validate_topic_config(const Properties& overrides, const BrokerConfig& broker);

// The settings of a topic's logs: overrides over the broker's defaults over Kafka's. Values that validate_topic_config
// would refuse (written by another program) fall back to the default, with a warning naming `topic`.
storage::LogConfig make_log_config(std::string_view topic, const Properties& overrides, const BrokerConfig& broker);

// The text in force for one topic config, given the overrides. Null: unknown name.
std::optional<std::string> effective_topic_value(std::string_view name, const Properties& overrides,
                                                 const BrokerConfig& broker);

}  // namespace broker
