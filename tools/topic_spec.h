// What `barnabas start --topic` takes: "orders:3:cleanup.policy=compact,retention.ms=60000". Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/broker.h"
#include "protocol/result.h"

namespace tools {

// name[:partitions[:key=value,…]]. A piece between commas without a '=' belongs to the value before it, so that
// cleanup.policy=compact,delete needs no quoting. Errors: a sentence that names the text and what is wrong with it.
protocol::Result<broker::Broker::TopicAtStart> parse_topic_spec(std::string_view text);

// All of them; a name may come once.
protocol::Result<std::vector<broker::Broker::TopicAtStart>> parse_topic_specs(const std::vector<std::string>& texts);

}  // namespace tools
