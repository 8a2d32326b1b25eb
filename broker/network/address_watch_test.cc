#include "broker/network/address_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broker {
namespace {

using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::SizeIs;

ConnectionInfo connection(std::uint64_t id, const char* client_ip = "172.17.0.1") {
  return {.id = id, .client_ip = client_ip, .local_host = "172.17.0.2", .local_port = 9092};
}

// What is due once everybody's patience is over.
std::vector<std::string> finally(AddressWatch& watch) {
  EXPECT_THAT(watch.due(5), IsEmpty());
  EXPECT_THAT(watch.due(5 + AddressWatch::patience_ms - 1), IsEmpty());
  return watch.due(5 + AddressWatch::patience_ms);
}

TEST(AddressWatch, WarnsOfAClientThatAskedAndNeverCame) {
  AddressWatch watch;
  watch.arrived(connection(1), "producer-1");
  ASSERT_TRUE(watch.told(connection(1), "producer-1", "broker.internal", 9092));
  EXPECT_THAT(finally(watch), ElementsAre(AllOf(HasSubstr("producer-1"), HasSubstr("172.17.0.1"),
                                                HasSubstr("was told broker.internal:9092"),
                                                HasSubstr("advertised.listeners"), HasSubstr("172.17.0.2:9092"))));
  EXPECT_THAT(watch.due(100'000), IsEmpty());
}

TEST(AddressWatch, AClientThatComesOnASecondConnectionFoundItsWay) {
  AddressWatch watch;
  watch.told(connection(1), "producer-1", "broker.internal", 9092);
  watch.arrived(connection(2), "producer-1");
  EXPECT_THAT(finally(watch), IsEmpty());
}

TEST(AddressWatch, OtherClientsOfTheSameMachineProveNothing) {
  AddressWatch watch;
  watch.told(connection(1), "producer-1", "broker.internal", 9092);
  watch.arrived(connection(2), "kcat");
  watch.arrived(connection(3, "172.17.0.9"), "producer-1");
  EXPECT_THAT(finally(watch), SizeIs(1));
}

TEST(AddressWatch, AClientThatWorksOnItsConnectionOrLeavesIsFine) {
  AddressWatch watch;
  watch.told(connection(1), "kcat", "broker.internal", 9092);
  watch.settled(connection(1));
  EXPECT_THAT(finally(watch), IsEmpty());
}

TEST(AddressWatch, OnTheBrokersOwnMachineTheConnectionIsProofEnough) {
  AddressWatch watch;
  ConnectionInfo local = connection(1, "127.0.0.1");
  local.local_host = "127.0.0.1";
  EXPECT_FALSE(watch.told(local, "c", "localhost", 9092));
  EXPECT_FALSE(watch.told(local, "c", "127.0.0.1", 9092));
  EXPECT_TRUE(watch.told(local, "c", "localhost", 9999)) << "another port";
  EXPECT_TRUE(watch.told(connection(2), "c", "localhost", 9092)) << "from another machine";
}

TEST(AddressWatch, EachMachineIsWarnedOfOnceForAnAddress) {
  AddressWatch watch;
  watch.told(connection(1), "producer-1", "broker.internal", 9092);
  watch.told(connection(2), "producer-2", "broker.internal", 9092);
  EXPECT_THAT(finally(watch), SizeIs(1));
  EXPECT_FALSE(watch.told(connection(3), "producer-3", "broker.internal", 9092));
  EXPECT_TRUE(watch.told(connection(4, "172.17.0.9"), "producer-3", "broker.internal", 9092));
}

TEST(AddressWatch, AFleetOfSuchClientsGetsAFewLinesOnly) {
  AddressWatch watch;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    watch.told(connection(i, ("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)).c_str()), "c", "h", 1);
  }
  EXPECT_THAT(finally(watch), SizeIs(10));
}

}  // namespace
}  // namespace broker
