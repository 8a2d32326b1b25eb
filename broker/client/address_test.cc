#include "broker/client/address.h"

#include <gtest/gtest.h>

namespace broker::client {
namespace {

TEST(Addresses, HavePortsOrTheDefaultOne) {
  const auto addresses = parse_addresses("one:1234,two,[::1]:80,[fe80::1]");
  ASSERT_TRUE(addresses);
  ASSERT_EQ(addresses->size(), 4U);
  EXPECT_EQ((*addresses)[0], (Address{.host = "one", .port = 1234}));
  EXPECT_EQ((*addresses)[1], (Address{.host = "two", .port = 9092}));
  EXPECT_EQ((*addresses)[2], (Address{.host = "::1", .port = 80}));
  EXPECT_EQ((*addresses)[3], (Address{.host = "fe80::1", .port = 9092}));
  EXPECT_EQ((*addresses)[2].text(), "[::1]:80");
}

TEST(Addresses, MistakesAreNamed) {
  for (const char* text : {"", ",", "host:", "host:x", "host:0", "host:70000", ":9092", "[::1", "[::1]x"}) {
    const auto addresses = parse_addresses(text);
    ASSERT_FALSE(addresses) << text;
    EXPECT_FALSE(addresses.error().message.empty());
  }
}

}  // namespace
}  // namespace broker::client
