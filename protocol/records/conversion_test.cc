#include "protocol/records/conversion.h"

#include <gtest/gtest.h>

#include <random>

#include "protocol/records/control_record.h"
#include "protocol/records/testing.h"

namespace protocol {
namespace {

using testing::OwnedRecord;
using testing::read_all;

Result<std::vector<std::byte>> convert(Bytes bytes, std::int8_t magic, Offset first_offset = 0) {
  RecordScratch scratch;
  return down_convert(bytes, magic, first_offset, scratch);
}

// What an old client can see of a record.
std::vector<OwnedRecord> as_seen_in(std::int8_t magic, std::vector<OwnedRecord> records, Offset base_offset) {
  for (OwnedRecord& record : records) {
    record.offset += base_offset;
    record.headers.clear();
    if (magic == magic_v0) record.timestamp = no_timestamp;
  }
  return records;
}

TEST(DownConvert, KeepsOffsetsKeysValuesAndTimestamps) {
  std::mt19937 random(1);
  for (const auto& [from, to] : {std::pair{magic_v2, magic_v1}, {magic_v2, magic_v0}, {magic_v1, magic_v0}}) {
    for (const CompressionType codec : testing::codecs_of(magic_v1)) {
      const auto records = testing::random_records(random, 30, from);
      const auto bytes =
          testing::build({.magic = from, .compression = Compression::of(codec), .base_offset = 500}, records);
      const auto converted = convert(bytes, to);
      ASSERT_TRUE(converted) << converted.error().text();
      EXPECT_EQ(read_all(*converted).value(), as_seen_in(to, records, 500)) << name(codec);
      BatchReader batches(*converted);
      RecordBatchView batch;
      while (batches.next(batch) == BatchStatus::ok) {
        EXPECT_EQ(batch.magic(), to);
        EXPECT_EQ(batch.compression(), codec);
        EXPECT_TRUE(batch.crc_matches());
      }
    }
  }
}

TEST(DownConvert, LeavesOutUncompressedRecordsBeforeTheFetchOffset) {
  std::mt19937 random(2);
  const auto bytes = testing::build({.base_offset = 10}, testing::random_records(random, 10, magic_v2));
  const auto records = read_all(convert(bytes, magic_v1, 15).value()).value();
  ASSERT_EQ(records.size(), 5u);
  EXPECT_EQ(records.front().offset, 15);
}

TEST(DownConvert, CopiesBatchesThatAreOldEnoughAndDropsControlBatches) {
  auto bytes = testing::build({.magic = magic_v0, .base_offset = 1}, {{.value = "old"}});
  const auto old = bytes;
  const auto marker = build_end_transaction_marker({}, 5, 0, 0, 2);
  bytes.insert(bytes.end(), marker.begin(), marker.end());
  EXPECT_EQ(convert(bytes, magic_v1).value(), old);
}

TEST(DownConvert, KeepsTheAppendTimeAndGapsInOffsets) {
  for (const CompressionType codec : testing::codecs_of(magic_v1)) {
    RecordBatchBuilder builder({.compression = Compression::of(codec),
                                .timestamp_type = TimestampType::log_append_time,
                                .base_offset = 100,
                                .log_append_time = 777});
    const std::string value = "v";
    for (const Offset offset : {103, 107, 109}) builder.append_at(offset, {.timestamp = 1, .value = as_bytes(value)});
    builder.set_last_offset(120);
    const auto records = read_all(convert(builder.build().value(), magic_v1).value()).value();
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records[0].offset, 103);
    EXPECT_EQ(records[1].offset, 107);
    EXPECT_EQ(records[2].offset, 109);
    EXPECT_EQ(records[2].timestamp, 777);
  }
}

TEST(DownConvert, RefusesZstdAndDamagedBatches) {
  const auto zstd = testing::build({.compression = Compression::of(CompressionType::zstd)}, {{.value = "x"}});
  EXPECT_EQ(convert(zstd, magic_v1).code(), ErrorCode::unsupported_compression_type);
  auto damaged = testing::build({}, {{.value = "x"}});
  damaged[batch_v2::magic] = std::byte{9};
  EXPECT_EQ(convert(damaged, magic_v1).code(), ErrorCode::corrupt_message);
  damaged = testing::build({}, {{.value = "x"}});
  damaged[batch_v2::records] = std::byte{0x7F};
  EXPECT_EQ(convert(damaged, magic_v1).code(), ErrorCode::invalid_record);
}

}  // namespace
}  // namespace protocol
