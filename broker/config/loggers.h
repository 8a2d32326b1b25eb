// The broker's loggers as BROKER_LOGGER resources show them: one, "root", which is spdlog's level for everything.
// Free functions; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config_admin.h"
#include "protocol/result.h"

namespace broker {

// The level in force in log4j's words: TRACE, DEBUG, INFO, WARN, ERROR or FATAL.
std::string_view root_log_level();

// Checks the changes of a BROKER_LOGGER resource and, unless `validate_only`, makes them.
protocol::Result<void> change_log_levels(const std::vector<ConfigChange>& changes, bool validate_only);

}  // namespace broker
