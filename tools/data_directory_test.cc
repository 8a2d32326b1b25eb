#include "tools/data_directory.h"

#include <gtest/gtest.h>

#include <map>

namespace tools {
namespace {

GetEnvironment environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(DataDirectory, FollowsTheDesktopRules) {
  EXPECT_EQ(default_data_directory(environment({{"XDG_DATA_HOME", "/x"}, {"HOME", "/h"}})), "/x/barnabas");
  EXPECT_EQ(default_data_directory(environment({{"XDG_DATA_HOME", ""}, {"HOME", "/h"}})), "/h/.local/share/barnabas");
  EXPECT_EQ(default_data_directory(environment({})), "barnabas-data");
}

}  // namespace
}  // namespace tools
