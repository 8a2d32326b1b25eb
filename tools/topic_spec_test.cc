#include "tools/topic_spec.h"

#include <gtest/gtest.h>

namespace tools {
namespace {

std::string error_of(std::string_view text) {
  const auto topic = parse_topic_spec(text);
  return topic ? "" : topic.error().text();
}

TEST(TopicSpec, HasNamePartitionsAndSettings) {
  const auto topic = parse_topic_spec("orders:3:cleanup.policy=compact,retention.ms=60000");
  ASSERT_TRUE(topic) << topic.error().text();
  EXPECT_EQ(topic->name, "orders");
  EXPECT_EQ(topic->partitions, 3);
  EXPECT_EQ(topic->config, (broker::Properties{{"cleanup.policy", "compact"}, {"retention.ms", "60000"}}));
}

TEST(TopicSpec, NeedsOnlyAName) {
  const auto topic = parse_topic_spec("orders");
  ASSERT_TRUE(topic);
  EXPECT_EQ(topic->partitions, -1);
  EXPECT_TRUE(topic->config.empty());
}

TEST(TopicSpec, KeepsCommasOfAListInItsValue) {
  const auto topic = parse_topic_spec("orders:1:cleanup.policy=compact,delete,segment.bytes=1048576");
  ASSERT_TRUE(topic) << topic.error().text();
  EXPECT_EQ(topic->config, (broker::Properties{{"cleanup.policy", "compact,delete"}, {"segment.bytes", "1048576"}}));
}

TEST(TopicSpec, SaysWhatIsWrongAndWhere) {
  EXPECT_TRUE(error_of("a b:1").starts_with("--topic 'a b:1': ")) << error_of("a b:1");
  EXPECT_EQ(error_of("orders:"), "--topic 'orders:': '' is not a number of partitions");
  EXPECT_EQ(error_of("orders:0"), "--topic 'orders:0': '0' is not a number of partitions");
  EXPECT_EQ(error_of("orders:3x"), "--topic 'orders:3x': '3x' is not a number of partitions");
  EXPECT_EQ(error_of("orders:1:compact"), "--topic 'orders:1:compact': 'compact' is not key=value");
  EXPECT_EQ(error_of("o:1:retention.ms=1,retention.ms=2"),
            "--topic 'o:1:retention.ms=1,retention.ms=2': retention.ms is set twice");
  EXPECT_EQ(error_of("o:1:retentions.ms=1"),
            "--topic 'o:1:retentions.ms=1': a topic has no setting 'retentions.ms'; is retention.ms meant?");
  EXPECT_NE(error_of("o:1:retention.ms=soon").find("retention.ms"), std::string::npos);
}

TEST(TopicSpec, RefusesANameTwice) {
  EXPECT_TRUE(parse_topic_specs({"a:1", "b:1"}));
  const auto topics = parse_topic_specs({"a:1", "a:2"});
  ASSERT_FALSE(topics);
  EXPECT_EQ(topics.error().text(), "--topic 'a:2': the topic is named twice");
}

}  // namespace
}  // namespace tools
