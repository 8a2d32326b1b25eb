#include "broker/persistent_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace broker {
namespace {

struct Entry {
  std::string key;
  int value = 0;
};
struct KeyOf {
  std::string_view operator()(const Entry& entry) const { return entry.key; }
};
using Map = PersistentMap<Entry, KeyOf>;

TEST(PersistentMap, FindsWhatWasInserted) {
  Map map;
  map.insert_or_assign({"a", 1});
  ASSERT_NE(map.find(std::string_view("a")), nullptr);
  EXPECT_EQ(map.find(std::string_view("a"))->value, 1);
  EXPECT_EQ(map.find(std::string_view("b")), nullptr);
  EXPECT_EQ(map.size(), 1U);
}

TEST(PersistentMap, AssigningReplacesTheValueOfTheKey) {
  Map map;
  map.insert_or_assign({"a", 1});
  map.insert_or_assign({"a", 2});
  EXPECT_EQ(map.find(std::string_view("a"))->value, 2);
  EXPECT_EQ(map.size(), 1U);
}

TEST(PersistentMap, ErasingAnUnknownKeyChangesNothing) {
  Map map;
  map.insert_or_assign({"a", 1});
  map.erase(std::string_view("b"));
  EXPECT_EQ(map.size(), 1U);
}

TEST(PersistentMap, CopiesDoNotSeeLaterChanges) {
  Map map;
  map.insert_or_assign({"kept", 1});
  map.insert_or_assign({"changed", 1});
  map.insert_or_assign({"erased", 1});
  const Map before = map;
  map.insert_or_assign({"changed", 2});
  map.erase(std::string_view("erased"));
  map.insert_or_assign({"added", 1});
  EXPECT_EQ(before.size(), 3U);
  EXPECT_EQ(before.find(std::string_view("changed"))->value, 1);
  EXPECT_NE(before.find(std::string_view("erased")), nullptr);
  EXPECT_EQ(before.find(std::string_view("added")), nullptr);
  EXPECT_EQ(map.find(std::string_view("erased")), nullptr);
}

TEST(PersistentMap, AgreesWithAnOrdinaryMapAfterRandomChanges) {
  std::mt19937 random(7);
  Map map;
  std::map<std::string, int> model;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "topic-" + std::to_string(random() % 3000);
    if (random() % 3 == 0) {
      map.erase(std::string_view(key));
      model.erase(key);
    } else {
      map.insert_or_assign({key, i});
      model[key] = i;
    }
  }
  std::map<std::string, int> seen;
  map.for_each([&](const Entry& entry) { EXPECT_TRUE(seen.emplace(entry.key, entry.value).second); });
  EXPECT_EQ(seen, model);
  EXPECT_EQ(map.size(), model.size());
}

}  // namespace
}  // namespace broker
