// Where a broker keeps its data when nobody says where. Pure function.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace tools {

using GetEnvironment = std::function<std::optional<std::string>(const char* name)>;

// $XDG_DATA_HOME/barnabas, else ~/.local/share/barnabas, else ./barnabas-data.
std::string default_data_directory(const GetEnvironment& get_environment);

}  // namespace tools
