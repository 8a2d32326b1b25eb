#include "broker/network/address_limits.h"

#include <gmock/gmock.h>

namespace broker {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(AddressLimits, NamesAndSpellingsBecomeTheAddressesThatConnectionsHave) {
  EXPECT_THAT(limits_by_address({{"0:0:0:0:0:0:0:1", 3}, {"127.0.0.1", 5}}),
              ElementsAre(Pair("127.0.0.1", 5), Pair("::1", 3)));
  const auto local = limits_by_address({{"localhost", 7}});
  ASSERT_EQ(local.size(), 1u);
  EXPECT_TRUE(local.contains("127.0.0.1") || local.contains("::1"));
}

TEST(AddressLimits, ANameThatCantBeResolvedIsLeftOut) {
  EXPECT_THAT(limits_by_address({{"no such host", 1}, {"127.0.0.1", 2}}), ElementsAre(Pair("127.0.0.1", 2)));
}

}  // namespace
}  // namespace broker
