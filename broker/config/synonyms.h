// Several names for one setting: log.retention.ms, .minutes and .hours, and the like. Free functions; safe from any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/config/properties.h"

namespace broker {

// The names that set the same thing as the broker config `name`, itself included, strongest first. A name under
// "listener.name.X." is followed by the name it overrides.
std::vector<std::string_view> broker_synonyms(std::string_view name);

// The same without the listener rule.
std::vector<std::string_view> same_setting_names(std::string_view name);

// The milliseconds that `name` (log.retention.ms, log.roll.ms, log.roll.jitter.ms, log.flush.interval.ms) stands for,
// whichever of its synonyms is set. REQUIRES: the values are valid.
std::int64_t effective_milliseconds(const Properties& values, std::string_view name);

// Whether `name` is one that effective_milliseconds() knows.
bool has_time_synonyms(std::string_view name);

}  // namespace broker
