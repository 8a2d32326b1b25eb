// The program's log: spdlog to standard error, one line an event.
#pragma once

#include <string>
#include <string_view>

#include "protocol/result.h"

namespace tools {

// `level`: trace, debug, info, warn, error, critical or off. Errors: invalid_config.
protocol::Result<void> set_up_log(const std::string& level);

}  // namespace tools
