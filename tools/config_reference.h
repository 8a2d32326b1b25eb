// The reference of all configurations, written from the broker's tables: for the terminal, as Markdown
// (docs/configuration.md) and as JSON. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "broker/config/definition.h"

namespace tools {

// One block per config that fits 80 columns. Only names that contain `filter`.
std::string config_text(std::span<const broker::ConfigDefinition> table, std::string_view filter);

// {"broker": [...], "topic": [...]}, one object per config.
std::string config_json(std::string_view filter);

// The whole page.
std::string config_markdown();

}  // namespace tools
