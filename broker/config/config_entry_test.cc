#include "broker/config/config_entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace broker {
namespace {

const ConfigEntry& entry(const std::vector<ConfigEntry>& entries, std::string_view name) {
  const auto found = std::ranges::find(entries, name, &ConfigEntry::name);
  EXPECT_NE(found, entries.end()) << name;
  return *found;
}

std::vector<std::string> texts(const std::vector<ConfigSynonym>& synonyms) {
  std::vector<std::string> out;
  for (const auto& synonym : synonyms) {
    out.push_back(synonym.name + "=" + synonym.value.value_or("null") + "@" +
                  std::to_string(static_cast<int>(synonym.source)));
  }
  return out;
}

TEST(DescribeBroker, NamesTheSourceInForceAndTheOnesBelow) {
  DynamicConfig config({{"log.retention.hours", "5"}});
  config.set_cluster_values({{"log.retention.ms", "100"}});
  const auto entries = describe_broker(*config.snapshot(), config.layers());
  const ConfigEntry& retention = entry(entries, "log.retention.ms");
  EXPECT_EQ(retention.value, "100");
  EXPECT_EQ(retention.source, ConfigSource::dynamic_default_broker);
  EXPECT_FALSE(retention.read_only);
  EXPECT_THAT(texts(retention.synonyms),
              testing::ElementsAre("log.retention.ms=100@3", "log.retention.hours=5@4", "log.retention.hours=168@5"));
}

TEST(DescribeBroker, StartsSynonymsAtTheNameItself) {
  const DynamicConfig config({{"log.retention.ms", "100"}});
  const auto entries = describe_broker(*config.snapshot(), config.layers());
  EXPECT_THAT(texts(entry(entries, "log.retention.hours").synonyms), testing::ElementsAre("log.retention.hours=168@5"));
}

TEST(DescribeBroker, HidesPasswordsAndUnknownSettings) {
  const DynamicConfig config({{"ssl.key.password", "secret"}, {"my.plugin", "x"}});
  const auto entries = describe_broker(*config.snapshot(), config.layers());
  for (const char* name : {"ssl.key.password", "my.plugin"}) {
    const ConfigEntry& hidden = entry(entries, name);
    EXPECT_TRUE(hidden.sensitive);
    EXPECT_EQ(hidden.value, std::nullopt);
    EXPECT_THAT(texts(hidden.synonyms), testing::ElementsAre(std::string(name) + "=null@4"));
  }
  EXPECT_EQ(entry(entries, "my.plugin").type, 0);
}

TEST(DescribeBroker, LeavesOutInternalSettingsUnlessSet) {
  const DynamicConfig plain{Properties{}};
  const auto entries = describe_broker(*plain.snapshot(), plain.layers());
  EXPECT_EQ(std::ranges::find(entries, "log.initial.task.delay.ms", &ConfigEntry::name), entries.end());
  const DynamicConfig set({{"log.initial.task.delay.ms", "5"}});
  EXPECT_EQ(entry(describe_broker(*set.snapshot(), set.layers()), "log.initial.task.delay.ms").value, "5");
}

TEST(DescribeTopic, ShowsTheOverrideAboveTheBrokersValues) {
  const DynamicConfig config({{"log.segment.bytes", "1000"}});
  const auto entries = describe_topic({{"segment.bytes", "2000"}}, *config.snapshot(), config.layers());
  const ConfigEntry& segment = entry(entries, "segment.bytes");
  EXPECT_EQ(segment.value, "2000");
  EXPECT_EQ(segment.source, ConfigSource::topic);
  EXPECT_THAT(texts(segment.synonyms), testing::ElementsAre("segment.bytes=2000@1", "log.segment.bytes=1000@4",
                                                            "log.segment.bytes=1073741824@5"));
  EXPECT_EQ(entry(entries, "retention.ms").value, "604800000");
  EXPECT_EQ(entry(entries, "retention.ms").source, ConfigSource::default_config);
  EXPECT_EQ(entries.size(), 36U);
}

TEST(DescribeClusterDefaults, ShowsOnlyWhatIsSetForTheWholeCluster) {
  DynamicConfig config({{"max.connections", "5"}});
  config.set_cluster_values({{"max.connections", "6"}});
  const auto entries = describe_cluster_defaults(config.layers());
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_THAT(texts(entries[0].synonyms), testing::ElementsAre("max.connections=6@3"));
}

}  // namespace
}  // namespace broker
