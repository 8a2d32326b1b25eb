// What a topic may be called. Pure functions, after Kafka's Topic class.
#pragma once

#include <string_view>

#include "protocol/result.h"

namespace coordination::cluster {

inline constexpr std::size_t max_topic_name_length = 249;

// Errors: invalid_topic_exception with Kafka's sentence.
protocol::Result<void> validate_topic_name(std::string_view name);

// Whether the name has a '.' or '_', which metric names don't tell apart.
bool has_collision_chars(std::string_view name);
// Whether two names differ in '.' and '_' at most.
bool collide(std::string_view a, std::string_view b);

}  // namespace coordination::cluster
