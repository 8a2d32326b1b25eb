// The checks behind make_broker_config(): each value alone, then all together. Free functions; safe from any thread.
#pragma once

#include "broker/config/broker_config.h"
#include "broker/config/definition.h"
#include "broker/config/properties.h"
#include "protocol/result.h"

namespace broker {

// Whether `value` says something other than leaving the key out would.
bool differs_from_default(const ConfigDefinition& definition, std::string_view value);

// Every known key's value fits its row of the table, and none asks for what is refused. Unknown keys pass.
protocol::Result<void> check_values(const Properties& values);

// The rules between several values, in Kafka's words where they are Kafka's.
protocol::Result<void> check_together(const BrokerConfig& config);

}  // namespace broker
