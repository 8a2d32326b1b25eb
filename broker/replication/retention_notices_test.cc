#include "broker/replication/retention_notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broker {
namespace {

using testing::AllOf, testing::HasSubstr, testing::Optional;

constexpr protocol::TimestampMs now_ms = 1'800'000'000'000;
constexpr std::int64_t week_ms = 7LL * 24 * 3600 * 1000, no_limit = -1;

TEST(RetentionNotices, ARecordOlderThanTheRetentionIsNamedWithItsTime) {
  EXPECT_THAT(reason_to_delete(1'700'000'000'000, week_ms, now_ms),
              Optional(AllOf(HasSubstr("2023-11-14 22:13:20 UTC"), HasSubstr("retention.ms is 604800000"))));
  EXPECT_THAT(reason_to_delete(now_ms - week_ms - 1, week_ms, now_ms), Optional(HasSubstr("retention.ms")));
}

TEST(RetentionNotices, ARecordThatStaysForAWhileIsNone) {
  EXPECT_EQ(reason_to_delete(now_ms - week_ms, week_ms, now_ms), std::nullopt);
  EXPECT_EQ(reason_to_delete(now_ms + week_ms, week_ms, now_ms), std::nullopt);
  EXPECT_EQ(reason_to_delete(0, no_limit, now_ms), std::nullopt);
}

TEST(RetentionNotices, ARecordWithoutATimeIsNotOld) { EXPECT_EQ(reason_to_delete(-1, week_ms, now_ms), std::nullopt); }

}  // namespace
}  // namespace broker
