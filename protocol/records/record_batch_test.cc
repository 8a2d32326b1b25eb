#include "protocol/records/record_batch.h"

#include <gtest/gtest.h>

#include "protocol/records/testing.h"

namespace protocol {
namespace {

using testing::OwnedRecord;

std::vector<std::byte> sample_batch(Offset base_offset = 100) {
  return testing::build(
      {.base_offset = base_offset,
       .producer_id = 77,
       .producer_epoch = 5,
       .base_sequence = 2147483646,
       .transactional = true,
       .partition_leader_epoch = 9},
      {{.timestamp = 1000, .key = "a", .value = "1"},
       {.timestamp = 3000, .key = "b", .value = std::nullopt},
       {.timestamp = 2000, .key = std::nullopt, .value = "3", .headers = {{"h", "v"}, {"n", std::nullopt}}}});
}

TEST(RecordBatchView, ShowsEveryHeaderField) {
  const auto bytes = sample_batch();
  RecordBatchView batch;
  ASSERT_EQ(RecordBatchView::parse(bytes, batch), BatchStatus::ok);
  EXPECT_EQ(batch.magic(), 2);
  EXPECT_EQ(batch.size(), bytes.size());
  EXPECT_EQ(batch.base_offset(), 100);
  EXPECT_EQ(batch.last_offset(), 102);
  EXPECT_EQ(batch.next_offset(), 103);
  EXPECT_EQ(batch.last_offset_delta(), 2);
  EXPECT_EQ(batch.partition_leader_epoch(), 9);
  EXPECT_EQ(batch.compression(), CompressionType::none);
  EXPECT_EQ(batch.timestamp_type(), TimestampType::create_time);
  EXPECT_EQ(batch.base_timestamp(), 1000);
  EXPECT_EQ(batch.max_timestamp(), 3000);
  EXPECT_EQ(batch.producer_id(), 77);
  EXPECT_TRUE(batch.has_producer_id());
  EXPECT_EQ(batch.producer_epoch(), 5);
  EXPECT_EQ(batch.base_sequence(), 2147483646);
  EXPECT_EQ(batch.last_sequence(), 0);  // wraps
  EXPECT_EQ(batch.record_count(), 3);
  EXPECT_TRUE(batch.is_transactional());
  EXPECT_FALSE(batch.is_control());
  EXPECT_EQ(batch.delete_horizon(), std::nullopt);
  EXPECT_TRUE(batch.crc_matches());
}

TEST(RecordBatchView, TheChecksumCoversWhatFollowsItAndNotTheOffset) {
  auto bytes = sample_batch();
  RecordBatchView batch;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool in_length = i >= batch_v2::length && i < batch_v2::partition_leader_epoch;
    if (in_length || i == batch_v2::magic) continue;
    bytes[i] ^= std::byte{1};
    ASSERT_EQ(RecordBatchView::parse(bytes, batch), BatchStatus::ok);
    EXPECT_EQ(batch.crc_matches(), i < batch_v2::magic) << i;
    bytes[i] ^= std::byte{1};
  }
}

TEST(RecordBatchView, ADeleteHorizonIsTheBaseTimestamp) {
  const auto bytes = testing::build({.delete_horizon = 5000}, {{.timestamp = 1000, .key = "k"}});
  RecordBatchView batch;
  ASSERT_EQ(RecordBatchView::parse(bytes, batch), BatchStatus::ok);
  EXPECT_EQ(batch.delete_horizon(), 5000);
  EXPECT_EQ(batch.max_timestamp(), 1000);
  EXPECT_EQ(testing::read_all(bytes).value(), (std::vector<OwnedRecord>{{.offset = 0, .timestamp = 1000, .key = "k"}}));
}

TEST(RecordBatchView, OldFormatsAnswerWithTheirFieldsAndNoneOfV2s) {
  for (const std::int8_t magic : {magic_v0, magic_v1}) {
    const auto bytes =
        testing::build({.magic = magic, .base_offset = 7}, {{.timestamp = 1000, .key = "k", .value = "v"}});
    RecordBatchView batch;
    ASSERT_EQ(RecordBatchView::parse(bytes, batch), BatchStatus::ok);
    EXPECT_EQ(batch.magic(), magic);
    EXPECT_EQ(batch.base_offset(), 7);
    EXPECT_EQ(batch.last_offset(), 7);
    EXPECT_EQ(batch.max_timestamp(), magic == magic_v0 ? -1 : 1000);
    EXPECT_EQ(batch.timestamp_type(), magic == magic_v0 ? TimestampType::none : TimestampType::create_time);
    EXPECT_EQ(batch.producer_id(), no_producer_id);
    EXPECT_EQ(batch.last_sequence(), no_sequence);
    EXPECT_EQ(batch.partition_leader_epoch(), no_leader_epoch);
    EXPECT_EQ(batch.record_count(), -1);
    EXPECT_TRUE(batch.crc_matches());
  }
}

TEST(BatchHeader, CanBeReadWithoutTheBody) {
  const auto bytes = sample_batch();
  BatchHeader header;
  EXPECT_EQ(parse_batch_header(Bytes(bytes).first(61), header), BatchStatus::ok);
  EXPECT_EQ(header.size(), bytes.size());
  EXPECT_EQ(header.last_offset(), 102);
  for (std::size_t size = 1; size < 61; ++size) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(parse_batch_header(cut, header), BatchStatus::incomplete) << size;
  }
  EXPECT_EQ(parse_batch_header({}, header), BatchStatus::end);
}

TEST(BatchReader, WalksOverBatchesOfAllFormatsAndStopsAtATornOne) {
  std::vector<std::byte> bytes = sample_batch(0);
  for (const std::int8_t magic : {magic_v0, magic_v1}) {
    const auto next = testing::build({.magic = magic, .base_offset = 10}, {{.timestamp = 1, .value = "x"}});
    bytes.insert(bytes.end(), next.begin(), next.end());
  }
  const std::size_t whole = bytes.size();
  const auto last = sample_batch(20);
  for (std::size_t cut = 0; cut < last.size(); ++cut) {
    auto torn = bytes;
    torn.insert(torn.end(), last.begin(), last.begin() + static_cast<std::ptrdiff_t>(cut));
    BatchReader reader(torn);
    RecordBatchView batch;
    int count = 0;
    while (reader.next(batch) == BatchStatus::ok) ++count;
    EXPECT_EQ(count, 3);
    EXPECT_EQ(reader.status(), cut == 0 ? BatchStatus::end : BatchStatus::incomplete);
    EXPECT_EQ(reader.position(), whole);
  }
}

TEST(BatchReader, NamesWhatIsCorrupt) {
  const auto good = sample_batch();
  const auto status_after = [&](std::size_t position, std::vector<std::uint8_t> change) {
    auto bytes = good;
    for (std::size_t i = 0; i < change.size(); ++i) bytes[position + i] = static_cast<std::byte>(change[i]);
    BatchReader reader(bytes);
    RecordBatchView batch;
    const BatchStatus status = reader.next(batch);
    EXPECT_EQ(reader.reason().empty(), status != BatchStatus::corrupt);
    return status;
  };
  EXPECT_EQ(status_after(batch_v2::length, {0xFF, 0xFF, 0xFF, 0xFF}), BatchStatus::corrupt);
  EXPECT_EQ(status_after(batch_v2::length, {0, 0, 0, 13}), BatchStatus::corrupt);
  EXPECT_EQ(status_after(batch_v2::length, {0, 0, 0, 48}), BatchStatus::corrupt);
  EXPECT_EQ(status_after(batch_v2::length, {0x7F, 0xFF, 0xFF, 0xFF}), BatchStatus::incomplete);
  EXPECT_EQ(status_after(batch_v2::magic, {3}), BatchStatus::corrupt);
  EXPECT_EQ(status_after(batch_v2::magic, {0xFF}), BatchStatus::corrupt);
  EXPECT_EQ(status_after(batch_v2::crc, {1}), BatchStatus::ok);
}

TEST(Sequences, WrapToZero) {
  EXPECT_EQ(increment_sequence(5, 3), 8);
  EXPECT_EQ(increment_sequence(2147483647, 1), 0);
  EXPECT_EQ(increment_sequence(2147483640, 20), 12);
}

}  // namespace
}  // namespace protocol
