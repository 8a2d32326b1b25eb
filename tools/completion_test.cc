#include "tools/completion.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "tools/command.h"

namespace tools {
namespace {

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() { add_commands(app_, chosen_); }

  // The words only.
  std::vector<std::string> after(std::string_view line) {
    const auto names = [this](NameKind kind, const std::string& brokers) {
      brokers_ = brokers;
      return kind == NameKind::topic ? std::vector<std::string>{"orders", "orders-late", "users"}
                                     : std::vector<std::string>{"app"};
    };
    const Completions found = complete(app_, line, names);
    files_ = found.files;
    std::vector<std::string> words;
    for (const auto& word : found.words) words.push_back(word.text);
    return words;
  }

  using Words = std::vector<std::string>;
  CLI::App app_;
  tools::Run chosen_;
  std::string brokers_ = "unasked";
  bool files_ = false;
};

TEST_F(CompletionTest, OffersCommands) {
  EXPECT_EQ(after("barnabas top"), Words{"topics"});
  EXPECT_EQ(after("barnabas topics de"), (Words{"describe", "delete"}));
  const Words all = after("barnabas ");
  EXPECT_EQ(all.front(), "start");
  EXPECT_EQ(std::ranges::count(all, "__complete"), 0) << "hidden";
}

TEST_F(CompletionTest, KnowsAliases) { EXPECT_EQ(after("barnabas config refer"), Words{"reference"}); }

TEST_F(CompletionTest, OffersOptionsAndTheirValues) {
  EXPECT_EQ(after("barnabas produce orders --comp"), Words{"--compression"});
  EXPECT_EQ(after("barnabas produce orders --compression g"), Words{"gzip"});
  EXPECT_EQ(after("barnabas produce orders -z g"), Words{"gzip"});
  EXPECT_EQ(after("barnabas produce --compression=z"), Words{"--compression=zstd"});
  EXPECT_EQ(after("barnabas completion "), (Words{"bash", "zsh"}));
}

TEST_F(CompletionTest, OffersNamesOfTheCluster) {
  EXPECT_EQ(after("barnabas topics describe o"), (Words{"orders", "orders-late"}));
  EXPECT_EQ(brokers_, "") << "the default";
  EXPECT_EQ(after("barnabas topics describe -b host:1 users o"), (Words{"orders", "orders-late"}));
  EXPECT_EQ(brokers_, "host:1");
  EXPECT_EQ(after("barnabas consume --brokers=host:2 u"), Words{"users"});
  EXPECT_EQ(brokers_, "host:2");
  EXPECT_EQ(after("barnabas groups reset-offsets "), Words{"app"});
  EXPECT_EQ(after("barnabas groups reset-offsets app --topic us"), Words{"users"});
}

TEST_F(CompletionTest, DoesNotAskTheClusterForNothing) {
  EXPECT_EQ(after("barnabas topics create o"), Words{});
  EXPECT_EQ(brokers_, "unasked");
}

TEST_F(CompletionTest, LeavesFilesToTheShell) {
  EXPECT_EQ(after("barnabas start ser"), Words{});
  EXPECT_TRUE(files_);
  after("barnabas start --data-dir ");
  EXPECT_TRUE(files_);
  after("barnabas topics ");
  EXPECT_FALSE(files_);
}

TEST_F(CompletionTest, OffersOptionsWhereNoArgumentIsLeft) {
  const Words words = after("barnabas consume orders ");
  EXPECT_EQ(std::ranges::count(words, "--until-end"), 1);
}

TEST(CommandLines, AreSplitAsShellsDo) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_line("a b"), (Words{"a", "b"}));
  EXPECT_EQ(split_line("a  b "), (Words{"a", "b", ""}));
  EXPECT_EQ(split_line("a 'b c' \"d e\"f"), (Words{"a", "b c", "d ef"}));
  EXPECT_EQ(split_line("a b\\ c"), (Words{"a", "b c"}));
  EXPECT_EQ(split_line("a 'b c"), (Words{"a", "b c"}));
  EXPECT_EQ(split_line("a '' b"), (Words{"a", "", "b"}));
  EXPECT_EQ(split_line(""), Words{""});
}

}  // namespace
}  // namespace tools
