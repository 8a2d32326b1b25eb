#include "tools/config_reference.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace tools {
namespace {

TEST(ConfigReference, PageIsCurrent) {
  std::ifstream file(BARNABAS_SOURCE_DIR "/docs/configuration.md");
  ASSERT_TRUE(file) << "write it with: build/barnabas configs reference --markdown >docs/configuration.md";
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), config_markdown())
      << "write it with: build/barnabas configs reference --markdown >docs/configuration.md";
}

TEST(ConfigReference, TextFitsTheTerminal) {
  std::istringstream lines(config_text(broker::broker_config_table(), ""));
  std::size_t too_long = 0;
  for (std::string line; std::getline(lines, line);) {
    // A single word may be longer: a class name, a list of choices without blanks.
    if (line.size() > 80 && line.find(' ', line.find_first_not_of(' ')) != std::string::npos) ++too_long;
  }
  EXPECT_EQ(too_long, 0U);
}

TEST(ConfigReference, FilterPicksNames) {
  const std::string text = config_text(broker::topic_config_table(), "retention.ms");
  EXPECT_NE(text.find("\nretention.ms\n"), std::string::npos);
  EXPECT_EQ(text.find("segment.bytes\n"), std::string::npos);
}

TEST(ConfigReference, JsonHasEveryRowOnce) {
  const std::string json = config_json("");
  std::size_t names = 0;
  for (std::size_t at = json.find("{\"name\":"); at != std::string::npos; at = json.find("{\"name\":", at + 1)) ++names;
  EXPECT_EQ(names, broker::broker_config_table().size() + broker::topic_config_table().size());
}

}  // namespace
}  // namespace tools
