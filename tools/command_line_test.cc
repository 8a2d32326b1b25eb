#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <sstream>

#include "tools/command.h"
#include "tools/help.h"
#include "tools/text.h"

namespace tools {
namespace {

class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() { add_commands(app_, chosen_); }

  // Parses without running. Empty when that goes well, else what is wrong.
  std::string parse(const std::string& line) {
    try {
      app_.parse(line, false);
      return {};
    } catch (const CLI::ParseError& error) {
      return error.get_exit_code() == 0 ? "help" : error.what();
    }
  }

  CLI::App app_;
  tools::Run chosen_;
};

void visit(const CLI::App& command, const std::function<void(const CLI::App&)>& look) {
  look(command);
  for (const CLI::App* child : visible_subcommands(command)) visit(*child, look);
}

TEST_F(CommandLineTest, HelpFitsTheTerminal) {
  visit(app_, [](const CLI::App& command) {
    std::istringstream lines(command.help());
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(character_count(line), 80U) << full_name(command) << ": " << line;
    }
  });
}

TEST_F(CommandLineTest, EverythingIsExplained) {
  visit(app_, [](const CLI::App& command) {
    EXPECT_FALSE(command.get_description().empty()) << full_name(command);
    for (const CLI::Option* option : command.get_options()) {
      EXPECT_FALSE(option->get_description().empty()) << full_name(command) << " " << option->get_name();
    }
  });
}

TEST_F(CommandLineTest, PageIsCurrent) {
  std::ifstream file(BARNABAS_SOURCE_DIR "/docs/command-line.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), command_line_markdown(app_))
      << "write it with: build/barnabas --markdown >docs/command-line.md";
}

TEST_F(CommandLineTest, WhateverTalksToAClusterTakesTheSameOptions) {
  visit(app_, [](const CLI::App& command) {
    const std::string name = full_name(command);
    const bool is_client = visible_subcommands(command).empty() && !name.starts_with("barnabas start") &&
                           !name.starts_with("barnabas dump-log") && !name.starts_with("barnabas completion") &&
                           name != "barnabas configs reference";
    if (!is_client) return;
    for (const char* option : {"-b", "--brokers", "--timeout", "--json"}) {
      EXPECT_NE(command.get_option_no_throw(option), nullptr) << name << " " << option;
    }
  });
}

TEST_F(CommandLineTest, WrongWordsAreRefused) {
  EXPECT_NE(parse(""), "");
  EXPECT_NE(parse("topics"), "");
  EXPECT_NE(parse("topics create"), "");
  EXPECT_NE(parse("nonsense"), "");
  EXPECT_NE(parse("topics offsets orders --at yesterday"), "");
  EXPECT_NE(parse("topics truncate orders"), "");
  EXPECT_NE(parse("topics truncate orders --before=-5"), "");
  EXPECT_NE(parse("topics truncate orders --before beginning"), "");
  EXPECT_NE(parse("groups reset-offsets app -t orders --by-duration often"), "");
  EXPECT_NE(parse("configs set planet earth a=b"), "");
  EXPECT_NE(parse("start --ephemeral --data-dir /tmp"), "");
  EXPECT_NE(parse("start --log-level loud"), "");
  EXPECT_NE(parse("perf produce load --in-flight 0"), "");
  EXPECT_NE(parse("completion fish"), "");
}

TEST_F(CommandLineTest, UsualLinesAreTaken) {
  for (const char* line : {
           "start --topic orders:3 --topic users:1:cleanup.policy=compact,delete --ephemeral",
           "start server.properties -o a=b --override c=d",
           "health --wait 3 --json",
           "topics create a b -p 3 -c cleanup.policy=compact -c retention.ms=1",
           "topics delete --all --yes",
           "topics offsets orders:0,1 --at 2024-05-01",
           "topics truncate orders --before end",
           "consume orders --from=-5 -e -p 0,2",
           "groups reset-offsets app -t a -t b:1 --shift-by -5 --execute",
           "configs set all-brokers log.retention.ms=1",
           "config reference log --topic",
           "perf consume load --duration 3",
           "--version",
           "groups describe --help",
       }) {
    EXPECT_TRUE(parse(line).empty() || parse(line) == "help") << line << ": " << parse(line);
  }
}

}  // namespace
}  // namespace tools
