#include "broker/config/loggers.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

constexpr std::string_view root_logger = "root";

struct Level {
  std::string_view name;
  spdlog::level::level_enum level;
};
constexpr Level levels[] = {
    {"DEBUG", spdlog::level::debug}, {"ERROR", spdlog::level::err},   {"FATAL", spdlog::level::critical},
    {"INFO", spdlog::level::info},   {"TRACE", spdlog::level::trace}, {"WARN", spdlog::level::warn},
};

Result<void> check_exists(const std::string& logger) {
  if (logger == root_logger) return {};
  return fail(ErrorCode::invalid_config, fmt::format("Logger {} does not exist!", logger));
}

Result<void> check(const ConfigChange& change) {
  const auto not_allowed = [](std::string_view operation) {
    return fail(ErrorCode::invalid_request,
                fmt::format("{} operation is not allowed for the BROKER_LOGGER resource", operation));
  };
  switch (change.operation) {
    case AlterOperation::set:
      if (auto exists = check_exists(change.name); !exists) return exists;
      if (std::ranges::find(levels, *change.value, &Level::name) != std::end(levels)) return {};
      return fail(ErrorCode::invalid_config,
                  fmt::format("Cannot set the log level of {} to {} as it is not a supported log level. Valid log "
                              "levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN",
                              change.name, *change.value));
    case AlterOperation::remove:
      if (auto exists = check_exists(change.name); !exists) return exists;
      return fail(ErrorCode::invalid_request,
                  fmt::format("Removing the log level of the {} logger is not allowed", root_logger));
    case AlterOperation::append:
      return not_allowed("APPEND");
    case AlterOperation::subtract:
      return not_allowed("SUBTRACT");
  }
  return not_allowed(fmt::format("Unknown operation type {}", static_cast<int>(change.operation)));
}

}  // namespace

std::string_view root_log_level() {
  const auto current = spdlog::default_logger_raw()->level();
  const auto* level = std::ranges::find(levels, current, &Level::level);
  return level == std::end(levels) ? "OFF" : level->name;
}

Result<void> change_log_levels(const std::vector<ConfigChange>& changes, bool validate_only) {
  for (const ConfigChange& change : changes) {
    if (auto checked = check(change); !checked) return checked;
  }
  if (validate_only) return {};
  for (const ConfigChange& change : changes) {
    const auto* level = std::ranges::find(levels, *change.value, &Level::name);
    spdlog::set_level(level->level);
    spdlog::warn("The log level is {} now", level->name);
  }
  return {};
}

}  // namespace broker
