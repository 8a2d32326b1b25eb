#include "broker/config/properties.h"

#include <gtest/gtest.h>

namespace broker {
namespace {

Properties parsed(std::string_view text) {
  auto properties = parse_properties(text);
  EXPECT_TRUE(properties) << properties.error().message;
  return properties.value_or(Properties());
}

TEST(Properties, TakesAllThreeSeparators) {
  const Properties expected{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "= 4"}};
  EXPECT_EQ(parsed("a=1\nb: 2\nc 3\nd = = 4\n"), expected);
}

TEST(Properties, SkipsCommentsAndBlankLines) {
  EXPECT_EQ(parsed("# one\n\n   ! two\n\t\na=#kept\n"), (Properties{{"a", "#kept"}}));
}

TEST(Properties, JoinsContinuedLines) {
  EXPECT_EQ(parsed("list=one,\\\n    two,\\\r\n  three\nnext=1"),
            (Properties{{"list", "one,two,three"}, {"next", "1"}}));
  EXPECT_EQ(parsed("even=back\\\\\nnext=1"), (Properties{{"even", "back\\"}, {"next", "1"}}));
}

TEST(Properties, ContinuationAtTheEndOfTheFileEndsTheValue) { EXPECT_EQ(parsed("a=b\\"), (Properties{{"a", "b"}})); }

TEST(Properties, UndoesEscapes) {
  EXPECT_EQ(parsed("k\\=e\\:y\\ x=tab\\there\\n\\u00e4\\uD83D\\uDE00\\q"),
            (Properties{{"k=e:y x", "tab\there\nä😀q"}}));
}

TEST(Properties, LaterLineWinsAndEmptyValuesStay) {
  EXPECT_EQ(parsed("a=1\na=\nb"), (Properties{{"a", ""}, {"b", ""}}));
}

TEST(Properties, KeepsTrailingBlanksOfValues) { EXPECT_EQ(parsed("a =  1  "), (Properties{{"a", "1  "}})); }

TEST(Properties, NamesTheLineOfABrokenEscape) {
  const auto broken = parse_properties("a=1\n\nb=\\u12G4\n");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message, "Line 3: \\u needs four hexadecimal digits");
}

TEST(Properties, AnyCutOfAFileIsReadOrRefused) {
  const std::string text = "# c\na\\=b = x\\u0041\\\n  y\nc: d\\\\\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto properties = parse_properties(std::string_view(text).substr(0, size));
    if (properties) EXPECT_LE(properties->size(), 2U);
  }
}

}  // namespace
}  // namespace broker
