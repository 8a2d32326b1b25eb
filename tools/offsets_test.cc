#include "tools/offsets.h"

#include <gtest/gtest.h>

namespace tools {
namespace {

const Leaders known = {{{"a", 0}, 1}, {{"a", 1}, 2}, {{"a", 2}, -1}, {{"b", 0}, 1}};

TEST(TopicSelections, AreATopicOrSomeOfItsPartitions) {
  EXPECT_EQ(parse_topic_selection("orders").value(), (TopicSelection{"orders", {}}));
  EXPECT_EQ(parse_topic_selection("orders:0").value(), (TopicSelection{"orders", {0}}));
  EXPECT_EQ(parse_topic_selection("orders:0,12").value(), (TopicSelection{"orders", {0, 12}}));
}

TEST(TopicSelections, AreRefusedByName) {
  for (const char* text : {"", ":1", "orders:", "orders:x", "orders:1,", "orders:-1", "orders:1:2", "orders:1 2"}) {
    const auto selection = parse_topic_selection(text);
    ASSERT_FALSE(selection) << text;
    EXPECT_EQ(selection.error().text(), "'" + std::string(text) + "' is not TOPIC[:0,1,…]");
  }
}

TEST(TopicSelections, PickPartitions) {
  EXPECT_EQ(select(known, {{"a", {2, 0}}, {"b", {}}}).value(), (Leaders{{{"a", 0}, 1}, {{"a", 2}, -1}, {{"b", 0}, 1}}));
  const auto missing = select(known, {{"a", {3}}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().text(), "a has no partition 3");
}

}  // namespace
}  // namespace tools
