#include "tools/data_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
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

TEST(TemporaryDirectory, GoesWithAllThatIsInIt) {
  std::string path;
  {
    auto directory = TemporaryDirectory::make(environment({}));
    ASSERT_TRUE(directory) << directory.error().message;
    path = directory->path();
    std::filesystem::create_directories(path + "/a/b");
    std::ofstream(path + "/a/b/c") << "x";
    const TemporaryDirectory moved = std::move(*directory);
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TemporaryDirectory, SaysWhichDirectoryCantBeMade) {
  const auto directory = TemporaryDirectory::make(environment({{"TMPDIR", "/no/such/place"}}));
  ASSERT_FALSE(directory);
  EXPECT_NE(directory.error().message.find("/no/such/place/barnabas-"), std::string::npos);
}

}  // namespace
}  // namespace tools
