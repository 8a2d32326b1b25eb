#include "tools/reset_plan.h"

#include <gtest/gtest.h>

#include <limits>

namespace tools {
namespace {

using Kind = ResetTarget::Kind;

// A log from 10 to 100, of which 40 records were read.
PartitionOffsets log_with_commit() { return {.start = 10, .end = 100, .committed = 50, .at_time = 70}; }

protocol::Offset planned(ResetTarget target, PartitionOffsets known = log_with_commit()) {
  const auto plan = plan_offset(target, known);
  return plan ? plan->offset : -1000;
}

std::string note(ResetTarget target, PartitionOffsets known = log_with_commit()) {
  const auto plan = plan_offset(target, known);
  return plan ? plan->note : plan.error().text();
}

TEST(ResetPlan, GoesToEitherEnd) {
  EXPECT_EQ(planned({.kind = Kind::earliest}), 10);
  EXPECT_EQ(planned({.kind = Kind::latest}), 100);
  EXPECT_EQ(note({.kind = Kind::latest}), "");
}

TEST(ResetPlan, KeepsAnOffsetWithinTheLog) {
  EXPECT_EQ(planned({.kind = Kind::offset, .value = 60}), 60);
  EXPECT_EQ(planned({.kind = Kind::offset, .value = 100}), 100);
  EXPECT_EQ(planned({.kind = Kind::offset, .value = 3}), 10);
  EXPECT_EQ(note({.kind = Kind::offset, .value = 3}), "3 is gone");
  EXPECT_EQ(planned({.kind = Kind::offset, .value = 101}), 100);
  EXPECT_EQ(note({.kind = Kind::offset, .value = 101}), "101 is beyond the end");
}

TEST(ResetPlan, GoesToTheEndWhenNoRecordIsThatLate) {
  EXPECT_EQ(planned({.kind = Kind::time, .value = 1}), 70);
  PartitionOffsets known = log_with_commit();
  known.at_time = -1;
  EXPECT_EQ(planned({.kind = Kind::time, .value = 1}, known), 100);
  EXPECT_EQ(note({.kind = Kind::time, .value = 1}, known), "no record that late");
}

TEST(ResetPlan, ShiftsWhatIsCommitted) {
  EXPECT_EQ(planned({.kind = Kind::shift, .value = -5}), 45);
  EXPECT_EQ(planned({.kind = Kind::shift, .value = 5}), 55);
  EXPECT_EQ(planned({.kind = Kind::shift, .value = -500}), 10);
  EXPECT_EQ(planned({.kind = Kind::shift, .value = std::numeric_limits<std::int64_t>::max()}), 100);
  EXPECT_EQ(planned({.kind = Kind::shift, .value = std::numeric_limits<std::int64_t>::min()}), 10);
}

TEST(ResetPlan, CannotShiftNothing) {
  EXPECT_EQ(note({.kind = Kind::shift, .value = 1}, {.start = 0, .end = 9, .committed = std::nullopt}),
            "nothing was committed that could be shifted");
}

TEST(ResetPlan, CurrentStaysButForWhatIsGone) {
  EXPECT_EQ(planned({.kind = Kind::current}), 50);
  EXPECT_EQ(planned({.kind = Kind::current}, {.start = 60, .end = 90, .committed = 50}), 60);
  EXPECT_EQ(planned({.kind = Kind::current}, {.start = 60, .end = 90, .committed = std::nullopt}), 90);
}

}  // namespace
}  // namespace tools
