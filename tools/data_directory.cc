#include "tools/data_directory.h"

#include <utility>

namespace tools {
namespace {

std::optional<std::string> non_empty(std::optional<std::string> value) {
  return value && !value->empty() ? std::move(value) : std::nullopt;
}

}  // namespace

std::string default_data_directory(const GetEnvironment& get_environment) {
  if (const auto data_home = non_empty(get_environment("XDG_DATA_HOME"))) return *data_home + "/barnabas";
  if (const auto home = non_empty(get_environment("HOME"))) return *home + "/.local/share/barnabas";
  return "barnabas-data";
}

}  // namespace tools
