#include "broker/replication/fetch_session.h"

#include <gtest/gtest.h>

namespace broker {
namespace {

using protocol::ErrorCode;

constexpr std::int64_t eviction_ms = 120'000;

FetchTarget target(std::string topic, std::int32_t partition, std::int64_t offset = 0) {
  FetchTarget made;
  made.topic = std::move(topic);
  made.partition = partition;
  made.fetch_offset = offset;
  return made;
}

std::string no_names(const protocol::Uuid&) { return {}; }

class FetchSessionTest : public ::testing::Test {
 protected:
  FetchContext begin(std::int32_t id, std::int32_t epoch, std::vector<FetchTarget> targets,
                     std::vector<FetchTarget> forgotten = {}, bool from_follower = false) {
    return cache.begin({.session_id = id,
                        .session_epoch = epoch,
                        .uses_topic_ids = false,
                        .from_follower = from_follower,
                        .targets = std::move(targets),
                        .forgotten = std::move(forgotten)},
                       no_names, now);
  }

  // Opens a session over `partitions` partitions of topic t, whose answers all are (high watermark 10, start 0).
  std::int32_t open(std::int32_t partitions, bool from_follower = false) {
    std::vector<FetchTarget> targets;
    for (std::int32_t i = 0; i < partitions; ++i) targets.push_back(target("t", i));
    FetchContext context = begin(no_fetch_session, initial_session_epoch, std::move(targets), {}, from_follower);
    std::vector<FetchAnswerSummary> answers(context.targets().size(), {.high_watermark = 10, .log_start = 0});
    return context.finish(answers, now).session_id;
  }

  std::int64_t now = 1'000'000;
  FetchSessionCache cache{2, eviction_ms, 42};
};

TEST_F(FetchSessionTest, FinalEpochAsksForNoSession) {
  FetchContext context = begin(no_fetch_session, final_session_epoch, {target("t", 0)});
  const FetchAnswerSummary answer{.high_watermark = 5, .log_start = 0};
  const auto outcome = context.finish(std::span(&answer, 1), now);
  EXPECT_EQ(outcome.session_id, no_fetch_session);
  EXPECT_TRUE(outcome.includes(0));
  EXPECT_EQ(cache.counts().sessions, 0u);
}

TEST_F(FetchSessionTest, FullFetchOpensASessionAndAnswersEveryPartition) {
  FetchContext context = begin(no_fetch_session, initial_session_epoch, {target("t", 0), target("t", 1)});
  const std::vector<FetchAnswerSummary> answers(2, {.high_watermark = 5, .log_start = 0});
  const auto outcome = context.finish(answers, now);
  EXPECT_GT(outcome.session_id, 0);
  EXPECT_TRUE(outcome.includes(0));
  EXPECT_TRUE(outcome.includes(1));
  EXPECT_EQ(cache.counts().partitions, 2);
}

TEST_F(FetchSessionTest, AThrottledFetchOpensNoSessionAndLeavesOneAsItIs) {
  const FetchContext full = begin(no_fetch_session, initial_session_epoch, {target("t", 0)});
  EXPECT_EQ(full.finish_throttled().session_id, no_fetch_session);
  EXPECT_EQ(cache.counts().sessions, 0u);
  const std::int32_t id = open(1);
  const FetchContext throttled = begin(id, 1, {});
  EXPECT_EQ(throttled.finish_throttled().session_id, id);
  EXPECT_EQ(throttled.finish_throttled().error, ErrorCode::none);
  FetchContext next = begin(id, 2, {});
  const FetchAnswerSummary changed{.high_watermark = 11, .log_start = 0};
  EXPECT_TRUE(next.finish(std::span(&changed, 1), now).includes(0));
  EXPECT_EQ(throttled.finish_throttled().error, ErrorCode::invalid_fetch_session_epoch);
}

TEST_F(FetchSessionTest, IncrementalFetchCoversTheWholeSessionAndAnswersOnlyWhatChanged) {
  const std::int32_t id = open(3);
  FetchContext context = begin(id, 1, {});
  ASSERT_EQ(context.targets().size(), 3u);
  const std::vector<FetchAnswerSummary> answers{{.high_watermark = 10, .log_start = 0},
                                                {.high_watermark = 11, .log_start = 0},
                                                {.high_watermark = 10, .log_start = 0, .has_records = true}};
  const auto outcome = context.finish(answers, now);
  EXPECT_EQ(outcome.session_id, id);
  EXPECT_FALSE(outcome.includes(0));
  EXPECT_TRUE(outcome.includes(1));
  EXPECT_TRUE(outcome.includes(2));
}

TEST_F(FetchSessionTest, LogStartChangesAreAnswered) {
  const std::int32_t id = open(1);
  FetchContext context = begin(id, 1, {});
  const FetchAnswerSummary answer{.high_watermark = 10, .log_start = 3};
  EXPECT_TRUE(context.finish(std::span(&answer, 1), now).includes(0));
}

TEST_F(FetchSessionTest, PartitionsThatReturnedRecordsGoLast) {
  const std::int32_t id = open(3);
  FetchContext first = begin(id, 1, {});
  std::vector<FetchAnswerSummary> answers(3, {.high_watermark = 10, .log_start = 0});
  answers[0].has_records = true;
  (void)first.finish(answers, now);
  FetchContext second = begin(id, 2, {});
  EXPECT_EQ(second.targets()[0].partition, 1);
  EXPECT_EQ(second.targets()[2].partition, 0);
}

TEST_F(FetchSessionTest, AnErrorIsRepeatedOnceMoreWhenItIsGone) {
  const std::int32_t id = open(1);
  FetchContext failing = begin(id, 1, {});
  const FetchAnswerSummary error{.high_watermark = -1, .log_start = -1, .must_include = true, .is_error = true};
  EXPECT_TRUE(failing.finish(std::span(&error, 1), now).includes(0));
  FetchContext healed = begin(id, 2, {});
  const FetchAnswerSummary fine{.high_watermark = 10, .log_start = -1};
  EXPECT_TRUE(healed.finish(std::span(&fine, 1), now).includes(0));
}

TEST_F(FetchSessionTest, RequestsAddChangeAndForgetPartitions) {
  const std::int32_t id = open(2);
  FetchContext context = begin(id, 1, {target("t", 1, 7), target("new", 0, 3)}, {target("t", 0)});
  ASSERT_EQ(context.targets().size(), 2u);
  EXPECT_EQ(context.targets()[0].partition, 1);
  EXPECT_EQ(context.targets()[0].fetch_offset, 7);
  EXPECT_EQ(context.targets()[1].topic, "new");
  EXPECT_EQ(cache.counts().partitions, 2);
}

TEST_F(FetchSessionTest, ForgettingEverythingClosesTheSession) {
  const std::int32_t id = open(1);
  FetchContext context = begin(id, 1, {}, {target("t", 0)});
  EXPECT_EQ(context.finish({}, now).session_id, no_fetch_session);
  EXPECT_EQ(cache.counts().sessions, 0u);
  EXPECT_EQ(cache.counts().partitions, 0);
}

TEST_F(FetchSessionTest, UnknownSessionsAndWrongEpochsAreRefused) {
  EXPECT_EQ(begin(77, 1, {}).error(), ErrorCode::fetch_session_id_not_found);
  const std::int32_t id = open(1);
  EXPECT_EQ(begin(id, 2, {}).error(), ErrorCode::invalid_fetch_session_epoch);
  EXPECT_EQ(begin(id, 1, {}).error(), ErrorCode::none);
  EXPECT_EQ(begin(id, 1, {}).error(), ErrorCode::invalid_fetch_session_epoch);  // a repeated request
}

TEST_F(FetchSessionTest, ASessionKeepsToNamesOrIds) {
  const std::int32_t id = open(1);
  const FetchContext context = cache.begin(
      {.session_id = id, .session_epoch = 1, .uses_topic_ids = true, .targets = {}, .forgotten = {}}, no_names, now);
  EXPECT_EQ(context.error(), ErrorCode::fetch_session_topic_id_error);
}

TEST_F(FetchSessionTest, AnOvertakenRequestIsRefusedAtItsEnd) {
  const std::int32_t id = open(1);
  FetchContext slow = begin(id, 1, {});
  (void)begin(id, 2, {});
  const FetchAnswerSummary answer{.high_watermark = 11, .log_start = 0};
  EXPECT_EQ(slow.finish(std::span(&answer, 1), now).error, ErrorCode::invalid_fetch_session_epoch);
}

TEST_F(FetchSessionTest, AFullFetchClosesTheSessionItNames) {
  const std::int32_t id = open(1);
  (void)begin(id, initial_session_epoch, {target("t", 0)});
  EXPECT_EQ(cache.counts().sessions, 0u);
}

TEST_F(FetchSessionTest, EpochsWrapToOne) {
  EXPECT_EQ(next_session_epoch(0), 1);
  EXPECT_EQ(next_session_epoch(2147483647), 1);
  EXPECT_EQ(next_session_epoch(-1), -1);
}

TEST_F(FetchSessionTest, TheLastMentionOfAPartitionCounts) {
  const FetchContext context =
      begin(no_fetch_session, final_session_epoch, {target("t", 0, 1), target("t", 1, 2), target("t", 0, 9)});
  ASSERT_EQ(context.targets().size(), 2u);
  EXPECT_EQ(context.targets()[0].fetch_offset, 9);
  EXPECT_EQ(context.targets()[1].fetch_offset, 2);
}

TEST_F(FetchSessionTest, YoungSessionsAreNotEvictedByConsumers) {
  open(1);
  open(1);
  EXPECT_EQ(open(5), no_fetch_session);
}

TEST_F(FetchSessionTest, AFollowerEvictsAConsumer) {
  open(1);
  open(1);
  EXPECT_NE(open(1, true), no_fetch_session);
  EXPECT_EQ(cache.counts().evictions, 1);
}

TEST_F(FetchSessionTest, StaleSessionsAreEvictedFirst) {
  const std::int32_t stale = open(9);
  now += eviction_ms;
  open(1);
  now += 1;
  EXPECT_NE(open(1), no_fetch_session);
  EXPECT_EQ(begin(stale, 1, {}).error(), ErrorCode::fetch_session_id_not_found);
}

TEST_F(FetchSessionTest, AnOldSessionGivesWayToALargerOneOnly) {
  const std::int32_t old_session = open(3);
  open(3);
  now += eviction_ms;
  std::int32_t epoch = 1;
  (void)begin(old_session, epoch++, {});  // in use, so not stale
  now += 1;
  (void)begin(old_session, epoch++, {});
  // The other one went unused for long enough to be stale.
  EXPECT_NE(open(1), no_fetch_session);
  // Now only old_session may go, and only for something larger.
  EXPECT_EQ(open(2), no_fetch_session);
  EXPECT_NE(open(4), no_fetch_session);
  EXPECT_EQ(begin(old_session, epoch, {}).error(), ErrorCode::fetch_session_id_not_found);
}

TEST_F(FetchSessionTest, UnknownTopicIdsAreResolvedLater) {
  FetchTarget by_id;
  by_id.topic_id = *protocol::Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ");
  FetchContext full =
      cache.begin({.session_id = 0, .session_epoch = 0, .uses_topic_ids = true, .targets = {by_id}, .forgotten = {}},
                  no_names, now);
  const FetchAnswerSummary unknown{.must_include = true, .is_error = true};
  const std::int32_t id = full.finish(std::span(&unknown, 1), now).session_id;
  const FetchContext next = cache.begin(
      {.session_id = id, .session_epoch = 1, .uses_topic_ids = true, .targets = {}, .forgotten = {}},
      [](const protocol::Uuid&) { return std::string("named"); }, now);
  EXPECT_EQ(next.targets()[0].topic, "named");
}

}  // namespace
}  // namespace broker
