// What a topic may be called. Pure functions, after Kafka's Topic class.
#pragma once

#include <string>
#include <string_view>

#include "protocol/result.h"

namespace coordination::cluster {

inline constexpr std::size_t max_topic_name_length = 249;

// Errors: invalid_topic_exception with Kafka's sentence.
protocol::Result<void> validate_topic_name(std::string_view name);

// Whether the name has a '.' or '_', which metric names don't tell apart.
bool has_collision_chars(std::string_view name);
// The name as metrics show it, '_' for '.': two topics may not have the same.
std::string metric_name(std::string_view name);

}  // namespace coordination::cluster
