// Idempotent and transactional producers, as the log sees them.
#include <gmock/gmock.h>

#include "protocol/records/control_record.h"
#include "storage/producer_state.h"
#include "storage/segment.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using protocol::ErrorCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::make_batch;
using testing::TestRecord;

class LogProducersTest : public testing::LogFixture {
 protected:
  static std::vector<std::byte> batch(ProducerId id, ProducerEpoch epoch, std::int32_t sequence, int records = 1,
                                      bool transactional = false) {
    std::vector<TestRecord> all(static_cast<std::size_t>(records), TestRecord{.timestamp = now});
    return make_batch(
        all, {.producer_id = id, .producer_epoch = epoch, .base_sequence = sequence, .transactional = transactional});
  }
  protocol::Result<AppendInfo> send(const std::vector<std::byte>& bytes) {
    return log_->append_as_leader(bytes, 0, AppendOrigin::client, now);
  }
  ErrorCode code(const std::vector<std::byte>& bytes) { return send(bytes).code(); }

  protocol::Result<AppendInfo> send_in_transaction(ProducerId id, std::int32_t sequence, ProducerEpoch epoch = 0) {
    const VerificationGuard guard = log_->start_transaction_verification(id, sequence, epoch, now);
    return log_->append_as_leader(batch(id, epoch, sequence, 1, true), 0, AppendOrigin::client, now, guard);
  }
  protocol::Result<AppendInfo> end(ProducerId id, bool commit, ProducerEpoch epoch = 0, std::int32_t coordinator = 0) {
    const protocol::EndTransactionMarker marker{
        .type = commit ? protocol::ControlRecordType::commit : protocol::ControlRecordType::abort,
        .coordinator_epoch = coordinator};
    return log_->append_as_leader(protocol::build_end_transaction_marker(marker, id, epoch, now), 0,
                                  AppendOrigin::coordinator, now);
  }
  std::vector<AbortedTransaction> aborted_from(Offset offset) {
    const auto slice =
        log_->read({.start_offset = offset, .max_bytes = 1 << 20, .isolation = FetchIsolation::txn_committed});
    EXPECT_TRUE(slice);
    return slice->aborted_transactions;
  }
};

TEST_F(LogProducersTest, ADuplicateIsAnsweredWithItsFirstOffsets) {
  open();
  ASSERT_TRUE(send(batch(1, 0, 0, 3)));
  append("something between");
  const auto again = send(batch(1, 0, 0, 3));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->first_offset, 0);
  EXPECT_EQ(again->last_offset, 2);
  EXPECT_EQ(log_->log_end_offset(), 4);
}

TEST_F(LogProducersTest, TheLastFiveBatchesAreRemembered) {
  open();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(send(batch(1, 0, i)));
  for (int i = 1; i < 6; ++i) EXPECT_TRUE(send(batch(1, 0, i))->duplicate);
  EXPECT_EQ(code(batch(1, 0, 0)), ErrorCode::out_of_order_sequence_number);
}

TEST_F(LogProducersTest, SequencesMustFollowOneAnother) {
  open();
  ASSERT_TRUE(send(batch(1, 0, 10, 5)));  // unknown here: any sequence
  EXPECT_EQ(code(batch(1, 0, 16)), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(code(batch(1, 0, 12)), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(code(batch(1, 0, 10, 4)), ErrorCode::out_of_order_sequence_number);  // a part of a batch is no duplicate
  EXPECT_TRUE(send(batch(1, 0, 15)));
  EXPECT_EQ(log_->log_end_offset(), 6);
}

TEST_F(LogProducersTest, SequencesWrapAround) {
  open();
  ASSERT_TRUE(send(batch(1, 0, 2147483646, 2)));
  const auto wrapped = send(batch(1, 0, 0));
  ASSERT_TRUE(wrapped);
  EXPECT_FALSE(wrapped->duplicate);
  ASSERT_TRUE(send(batch(2, 0, 2147483645, 5)));  // wraps within the batch
  EXPECT_TRUE(send(batch(2, 0, 2147483645, 5))->duplicate);
  EXPECT_TRUE(send(batch(2, 0, 2)));
}

TEST_F(LogProducersTest, ANewEpochStartsAtZeroAndFencesTheOldOne) {
  open();
  ASSERT_TRUE(send(batch(1, 5, 0)));
  EXPECT_EQ(code(batch(1, 6, 3)), ErrorCode::out_of_order_sequence_number);
  EXPECT_TRUE(send(batch(1, 6, 0)));
  EXPECT_EQ(code(batch(1, 5, 1)), ErrorCode::invalid_producer_epoch);
}

TEST_F(LogProducersTest, FollowersTakeWhatTheLeaderAccepted) {
  open();
  auto replicate = [&](Offset offset, ProducerEpoch epoch, std::int32_t sequence) {
    return log_->append_as_follower(
        make_batch("v", now,
                   {.base_offset = offset, .producer_id = 1, .producer_epoch = epoch, .base_sequence = sequence}),
        now);
  };
  ASSERT_TRUE(replicate(0, 5, 0));
  EXPECT_TRUE(replicate(1, 5, 17));
  EXPECT_TRUE(replicate(2, 4, 0));
  EXPECT_EQ(log_->log_end_offset(), 3);
}

TEST_F(LogProducersTest, ExpiredProducersAreForgottenUnlessTheirTransactionIsOpen) {
  open();
  ASSERT_TRUE(send(batch(1, 0, 0)));
  ASSERT_TRUE(send_in_transaction(2, 0));
  log_->remove_expired_producers(now + 24LL * 3600 * 1000 - 1);
  EXPECT_EQ(log_->active_producers().size(), 2u);
  log_->remove_expired_producers(now + 24LL * 3600 * 1000);
  ASSERT_EQ(log_->active_producers().size(), 1u);
  EXPECT_EQ(log_->active_producers()[0].producer_id, 2);
  EXPECT_EQ(log_->active_producers()[0].current_txn_start_offset, 1);
}

TEST_F(LogProducersTest, AnOpenTransactionHoldsTheLastStableOffset) {
  open();
  append("a");
  ASSERT_TRUE(send_in_transaction(1, 0));
  append("b");
  log_->update_high_watermark(3);
  EXPECT_EQ(log_->last_stable_offset(), 1);
  ASSERT_TRUE(end(1, true));
  EXPECT_EQ(log_->last_stable_offset(), 1);  // the marker is not replicated yet
  log_->update_high_watermark(4);
  EXPECT_EQ(log_->last_stable_offset(), 4);
  EXPECT_FALSE(log_->has_open_transaction(1));
}

TEST_F(LogProducersTest, ReadCommittedReadersLearnWhichTransactionsWereAborted) {
  config_.segment_bytes = 400;
  open();
  ASSERT_TRUE(send_in_transaction(1, 0));  // 0
  ASSERT_TRUE(send_in_transaction(2, 0));  // 1
  for (int i = 0; i < 10; ++i) append("filler");
  ASSERT_TRUE(end(1, false));              // 12
  ASSERT_TRUE(end(2, true));               // 13
  ASSERT_TRUE(send_in_transaction(1, 1));  // 14
  ASSERT_TRUE(end(1, false));              // 15
  log_->update_high_watermark(log_->log_end_offset());
  ASSERT_GT(log_->segment_count(), 3u);
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(aborted_from(0), ElementsAre(AbortedTransaction{1, 0}));
    EXPECT_THAT(aborted_from(14), ElementsAre(AbortedTransaction{1, 14}));
    reopen_after_crash();
    log_->update_high_watermark(log_->log_end_offset());
  }
}

TEST_F(LogProducersTest, MarkersOfZombiesAreRefused) {
  open();
  ASSERT_TRUE(send_in_transaction(1, 0, 3));
  EXPECT_EQ(end(1, true, 2).code(), ErrorCode::invalid_producer_epoch);
  ASSERT_TRUE(end(1, true, 3, 7));
  EXPECT_EQ(end(1, true, 3, 6).code(), ErrorCode::transaction_coordinator_fenced);
}

TEST_F(LogProducersTest, AMarkerOfANewEpochAsksForSequenceZeroNext) {
  open();
  ASSERT_TRUE(send_in_transaction(1, 0));
  ASSERT_TRUE(end(1, false, 1));
  EXPECT_EQ(send_in_transaction(1, 1, 1).code(), ErrorCode::out_of_order_sequence_number);
  EXPECT_TRUE(send_in_transaction(1, 0, 1));
}

TEST_F(LogProducersTest, WritesOutsideTheTransactionAreRefusedWhileItIsOpen) {
  open();
  ASSERT_TRUE(send_in_transaction(1, 0));
  EXPECT_EQ(code(batch(1, 0, 1)), ErrorCode::invalid_txn_state);
  ASSERT_TRUE(end(1, true));
  EXPECT_TRUE(send(batch(1, 0, 1)));
}

TEST_F(LogProducersTest, TheFirstTransactionalWriteNeedsTheCoordinatorsWord) {
  open();
  EXPECT_EQ(code(batch(1, 0, 0, 1, true)), ErrorCode::invalid_txn_state);
  const VerificationGuard guard = log_->start_transaction_verification(1, 0, 0, now);
  ASSERT_NE(guard, no_verification_guard);
  EXPECT_EQ(log_->append_as_leader(batch(1, 0, 0, 1, true), 0, AppendOrigin::client, now, guard + 1).code(),
            ErrorCode::invalid_txn_state);
  EXPECT_TRUE(log_->append_as_leader(batch(1, 0, 0, 1, true), 0, AppendOrigin::client, now, guard));
  EXPECT_EQ(log_->start_transaction_verification(1, 1, 0, now), no_verification_guard);
  EXPECT_TRUE(send(batch(1, 0, 1, 1, true)));
}

TEST_F(LogProducersTest, AnOpenTransactionSurvivesARestart) {
  open();
  ASSERT_TRUE(send_in_transaction(1, 0));
  append("b");
  for (const bool clean : {true, false}) {
    clean ? close_and_reopen() : reopen_after_crash();
    log_->update_high_watermark(log_->log_end_offset());
    EXPECT_TRUE(log_->has_open_transaction(1));
    EXPECT_EQ(log_->last_stable_offset(), 0);
    EXPECT_EQ(log_->first_undecided_offset(), 0);
  }
  ASSERT_TRUE(end(1, false));
  log_->update_high_watermark(log_->log_end_offset());
  EXPECT_THAT(aborted_from(0), ElementsAre(AbortedTransaction{1, 0}));
}

TEST_F(LogProducersTest, TruncationTakesProducersBack) {
  open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(batch(1, 0, i)));
  ASSERT_TRUE(send_in_transaction(2, 0));
  ASSERT_TRUE(end(2, false));
  ASSERT_TRUE(log_->truncate_to(3, now));
  ASSERT_EQ(log_->active_producers().size(), 1u);
  EXPECT_EQ(log_->active_producers()[0].last_sequence, 2);
  EXPECT_TRUE(send(batch(1, 0, 3)));
  log_->update_high_watermark(4);
  EXPECT_THAT(aborted_from(0), IsEmpty());
}

TEST_F(LogProducersTest, SnapshotsHaveKafkasFormat) {
  std::unordered_map<ProducerId, ProducerEntry> producers;
  ProducerEntry entry{.epoch = 2, .coordinator_epoch = 7, .last_timestamp = 99};
  entry.add_batch({.last_sequence = 11, .last_offset = 42, .offset_delta = 3, .timestamp = 99});
  producers[5] = entry;
  const auto bytes = encode_producer_snapshot(producers);
  EXPECT_EQ(bytes.size(), 10u + 46u);
  const auto back = decode_producer_snapshot(bytes);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 1u);
  EXPECT_EQ((*back)[0].first, 5);
  EXPECT_EQ((*back)[0].second, entry);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_producer_snapshot(protocol::Bytes(bytes).first(size)));
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto damaged = bytes;
    damaged[at] ^= std::byte{4};
    EXPECT_FALSE(decode_producer_snapshot(damaged)) << at;
  }
}

}  // namespace
}  // namespace storage
