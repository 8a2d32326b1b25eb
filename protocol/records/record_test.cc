#include "protocol/records/record.h"

#include <gtest/gtest.h>

#include <random>

#include "protocol/records/control_record.h"
#include "protocol/records/crc32c.h"
#include "protocol/records/testing.h"
#include "protocol/records/varint.h"

namespace protocol {
namespace {

using testing::OwnedRecord;
using testing::read_all;

RecordBatchView view(Bytes bytes) {
  RecordBatchView batch;
  EXPECT_EQ(RecordBatchView::parse(bytes, batch), BatchStatus::ok);
  return batch;
}

// A v2 batch around hand-made records.
std::vector<std::byte> batch_of(std::string_view records, std::int32_t count) {
  std::vector<std::byte> batch(batch_v2::header_size);
  write_batch_header(std::span<std::byte, batch_v2::header_size>(batch), {}, 0, 0, count - 1, count, as_bytes(records));
  const Bytes body = as_bytes(records);
  batch.insert(batch.end(), body.begin(), body.end());
  return batch;
}

TEST(RecordReader, GivesBackWhatTheBuilderTookInEveryFormat) {
  std::mt19937 random(1);
  for (const std::int8_t magic : {magic_v0, magic_v1, magic_v2}) {
    for (const CompressionType codec : testing::codecs_of(magic)) {
      for (const std::size_t count : {1u, 2u, 17u, 900u}) {
        auto records = testing::random_records(random, count, magic);
        const auto bytes = testing::build(
            {.magic = magic, .compression = Compression::of(codec), .base_offset = 1'000'000'007}, records);
        for (OwnedRecord& record : records) record.offset += 1'000'000'007;
        const auto read = read_all(bytes);
        ASSERT_TRUE(read) << read.error().text();
        EXPECT_EQ(*read, records) << name(codec) << " magic " << int{magic} << " count " << count;
      }
    }
  }
}

TEST(RecordReader, ReportsTheAppendTimeOfTheBatch) {
  for (const std::int8_t magic : {magic_v1, magic_v2}) {
    for (const CompressionType codec : testing::codecs_of(magic)) {
      const auto bytes = testing::build({.magic = magic,
                                         .compression = Compression::of(codec),
                                         .timestamp_type = TimestampType::log_append_time,
                                         .log_append_time = 5555},
                                        {{.timestamp = 1, .value = "x"}, {.timestamp = 2, .value = "y"}});
      for (const OwnedRecord& record : read_all(bytes).value()) EXPECT_EQ(record.timestamp, 5555);
    }
  }
}

TEST(RecordReader, NumbersSequencesAndWrapsThem) {
  const auto bytes = testing::build({.producer_id = 1, .producer_epoch = 0, .base_sequence = 2147483647},
                                    {{.value = "x"}, {.value = "y"}});
  RecordScratch scratch;
  RecordReader reader(view(bytes), scratch);
  RecordView record;
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record.sequence, 2147483647);
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record.sequence, 0);
}

TEST(RecordReader, LargeCompressedRecordsStreamPastWhenOnlyMetadataIsWanted) {
  std::mt19937 random(2);
  std::vector<OwnedRecord> records = {
      {.timestamp = 5, .key = "small", .value = "v"},
      {.timestamp = 6, .key = std::nullopt, .value = std::string(3'000'000, 'x')},
      {.timestamp = 7, .key = std::string(100'000, 'k'), .value = std::nullopt},
      {.timestamp = 8, .key = "h", .value = "", .headers = {{"n", std::string(200'000, 'h')}}}};
  for (const CompressionType codec : testing::codecs_of(magic_v2)) {
    const auto bytes = testing::build({.compression = Compression::of(codec)}, records);
    RecordScratch scratch;
    RecordReader reader(view(bytes), scratch, RecordReader::Wanted::metadata);
    RecordView record;
    for (const OwnedRecord& expected : records) {
      ASSERT_TRUE(reader.next(record)) << name(codec) << reader.finish().error().text();
      EXPECT_EQ(record.timestamp, expected.timestamp);
      EXPECT_EQ(record.has_key(), expected.key.has_value());
      EXPECT_EQ(record.has_value(), expected.value.has_value());
      EXPECT_GT(record.size_in_bytes, 0);
    }
    EXPECT_FALSE(reader.next(record));
    EXPECT_TRUE(reader.finish());
    EXPECT_LE(scratch.buffer.size(), std::size_t{1} << 17) << name(codec);
  }
}

TEST(RecordReader, LimitsBoundWhatABombCanCost) {
  const auto bytes = testing::build({.compression = Compression::of(CompressionType::zstd)},
                                    {{.value = std::string(5'000'000, 'x')}, {.value = "y"}});
  EXPECT_EQ(read_all(bytes, {.max_record_size = 1'000'000}).code(), ErrorCode::message_too_large);
  EXPECT_EQ(read_all(bytes, {.max_decompressed_size = 4'000'000}).code(), ErrorCode::message_too_large);
  EXPECT_TRUE(read_all(bytes, {.max_record_size = 5'000'100, .max_decompressed_size = 5'000'200}));
  RecordScratch scratch;
  RecordReader reader(view(bytes), scratch, RecordReader::Wanted::metadata, {.max_decompressed_size = 1'000'000});
  RecordView record;
  EXPECT_FALSE(reader.next(record));
  EXPECT_EQ(reader.finish().code(), ErrorCode::message_too_large);
}

TEST(RecordReader, RefusesRecordsWhoseNumbersDoNotFit) {
  using namespace std::string_view_literals;
  // length 6: attributes, timestamp delta, offset delta, null key, null value, no headers
  const auto good = "\x0c\x00\x00\x00\x01\x01\x00"sv;
  EXPECT_TRUE(read_all(batch_of(good, 1)));
  EXPECT_FALSE(read_all(batch_of(good, 2))) << "fewer records than declared";
  EXPECT_FALSE(read_all(batch_of(std::string(good) + std::string(good), 1))) << "bytes left over";
  EXPECT_FALSE(read_all(batch_of("\x0e\x00\x00\x00\x01\x01\x00"sv, 1))) << "record length beyond the batch";
  EXPECT_FALSE(read_all(batch_of("\x0a\x00\x00\x00\x01\x01\x00"sv, 1))) << "record length too short";
  EXPECT_FALSE(read_all(batch_of("\x0e\x00\x00\x00\x01\x01\x00\x00"sv, 1))) << "record longer than its fields";
  EXPECT_FALSE(read_all(batch_of("\x0c\x00\x00\x00\x08\x01\x00"sv, 1))) << "key beyond the record";
  EXPECT_FALSE(read_all(batch_of("\x0c\x00\x00\x00\x01\x08\x00"sv, 1))) << "value beyond the record";
  EXPECT_FALSE(read_all(batch_of("\x0c\x00\x00\x00\x01\x01\x01"sv, 1))) << "negative header count";
  EXPECT_FALSE(read_all(batch_of("\x0c\x00\x00\x00\x01\x01\x02"sv, 1))) << "more headers than bytes";
  EXPECT_FALSE(read_all(batch_of("\x10\x00\x00\x00\x01\x01\x02\x01\x01"sv, 1))) << "null header key";
  EXPECT_FALSE(read_all(batch_of("\xff\xff\xff\xff\xff\x01"sv, 1))) << "number of more than five bytes";
  EXPECT_FALSE(read_all(batch_of("\x01"sv, 1))) << "negative length";
  EXPECT_TRUE(read_all(batch_of(""sv, 0)));
  EXPECT_FALSE(read_all(batch_of(""sv, -1)));
}

TEST(RecordReader, RefusesBatchesWithMoreOrFewerCompressedRecordsThanDeclared) {
  std::mt19937 random(3);
  for (const CompressionType codec : testing::codecs_of(magic_v2)) {
    auto bytes = testing::build({.compression = Compression::of(codec)}, testing::random_records(random, 10, magic_v2));
    for (const std::int32_t count : {9, 11, -5}) {
      store_be(bytes.data() + batch_v2::record_count, count);
      EXPECT_EQ(read_all(bytes).code(), ErrorCode::invalid_record) << name(codec) << ' ' << count;
    }
  }
}

TEST(RecordReader, TellsDamagedCompressionFromDamagedRecords) {
  auto bytes = testing::build({.compression = Compression::of(CompressionType::gzip)}, {{.value = "hello"}});
  bytes[batch_v2::records] = std::byte{0};
  RecordScratch scratch;
  RecordReader reader(view(bytes), scratch);
  RecordView record;
  EXPECT_FALSE(reader.next(record));
  EXPECT_TRUE(reader.decompression_failed());
  EXPECT_EQ(reader.finish().code(), ErrorCode::corrupt_message);
}

// A message of magic 1 whose value is what a compressor made of `inner`.
std::vector<std::byte> wrap(Bytes packed) {
  auto bytes = testing::build({.magic = magic_v1}, {{.value = std::string(as_text(packed))}});
  bytes[message::attributes] = static_cast<std::byte>(CompressionType::gzip);
  return bytes;
}

TEST(RecordReader, OfACompressedSetWhatCameBeforeTheDamageIsLookedAt) {
  auto inner = testing::build({.magic = magic_v1}, {{.value = "one"}, {.value = "two"}});
  const auto gzip = Compression::of(CompressionType::gzip);
  const auto read_with_wrong_trailer = [&] {
    auto packed = compress(gzip, magic_v1, inner);
    packed[packed.size() - 8] ^= std::byte{1};  // the checksum of all, behind it
    const auto bytes = wrap(packed);
    RecordScratch scratch;
    RecordReader reader(view(bytes), scratch);
    RecordView record;
    EXPECT_FALSE(reader.next(record));
    EXPECT_EQ(reader.finish().code(), ErrorCode::corrupt_message);
    return reader.decompression_failed();
  };
  EXPECT_TRUE(read_with_wrong_trailer());
  store_be(inner.data() + message::size, std::int32_t{5});
  EXPECT_FALSE(read_with_wrong_trailer()) << "the length was read first";
}

TEST(RecordReader, OffsetsOfCompressedV1SetsAreRelativeToTheLast) {
  std::mt19937 random(4);
  const auto records = testing::random_records(random, 5, magic_v1);
  auto bytes = testing::build({.magic = magic_v1, .compression = Compression::of(CompressionType::gzip)}, records);
  store_be(bytes.data(), Offset{1004});
  const auto read = read_all(bytes).value();
  EXPECT_EQ(read.front().offset, 1000);
  EXPECT_EQ(read.back().offset, 1004);
  RecordScratch scratch;
  EXPECT_EQ(first_offset(view(bytes), scratch).value(), 1000);

  store_be(bytes.data(), Offset{0});  // as some versions of librdkafka produced
  EXPECT_EQ(read_all(bytes).value().back().offset, 4);
  store_be(bytes.data(), Offset{3});
  EXPECT_EQ(read_all(bytes).code(), ErrorCode::invalid_record);
}

TEST(RecordReader, EveryTruncationOfEveryFormatEndsWithoutACrash) {
  std::mt19937 random(5);
  for (const std::int8_t magic : {magic_v0, magic_v1, magic_v2}) {
    for (const CompressionType codec : testing::codecs_of(magic)) {
      const auto bytes = testing::build({.magic = magic, .compression = Compression::of(codec)},
                                        testing::random_records(random, 6, magic));
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        ASSERT_TRUE(read_all(cut)) << "an incomplete batch is no error";
        if (size < message::overhead_v1) continue;
        // The same with a length field that fits what is there.
        store_be(cut.data() + batch_v2::length, static_cast<std::int32_t>(size - batch_length_overhead));
        (void)read_all(cut);
      }
    }
  }
}

TEST(RecordReader, DamagedBatchesNeverCrash) {
  std::mt19937 random(6);
  std::size_t refused = 0, rounds = 0;
  for (const std::int8_t magic : {magic_v0, magic_v1, magic_v2}) {
    for (const CompressionType codec : testing::codecs_of(magic)) {
      const auto bytes = testing::build({.magic = magic, .compression = Compression::of(codec)},
                                        testing::random_records(random, 5, magic, 40));
      for (int round = 0; round < 4'000; ++round, ++rounds) {
        auto damaged = bytes;
        for (auto left = 1 + random() % 3; left > 0; --left) {
          damaged[random() % damaged.size()] = static_cast<std::byte>(random());
        }
        refused += !read_all(damaged, {.max_record_size = 1 << 20, .max_decompressed_size = 1 << 22});
      }
    }
  }
  EXPECT_GT(refused, rounds / 4);
}

TEST(RecordReader, RandomBytesInsideAValidFrameNeverCrash) {
  std::mt19937 random(7);
  for (int round = 0; round < 30'000; ++round) {
    const std::string records = testing::random_text(random, 60);
    (void)read_all(batch_of(records, static_cast<std::int32_t>(random() % 4)));
  }
}

TEST(RecordHeaders, IterateWithoutCopies) {
  const auto bytes = testing::build({}, {{.value = "x", .headers = {{"a", "1"}, {"", std::nullopt}, {"c", ""}}}});
  RecordScratch scratch;
  RecordReader reader(view(bytes), scratch);
  RecordView record;
  ASSERT_TRUE(reader.next(record));
  ASSERT_EQ(record.headers.size(), 3);
  auto at = record.headers.begin();
  EXPECT_EQ(*at, (RecordHeader{"a", as_bytes("1")}));
  EXPECT_EQ(*++at, (RecordHeader{"", std::nullopt}));
  EXPECT_EQ(*++at, (RecordHeader{"c", as_bytes("")}));
  EXPECT_EQ(++at, record.headers.end());
}

TEST(Varints, RoundTripAtTheirEdges) {
  std::array<std::byte, max_varlong_size> room;
  for (const std::int64_t value : std::initializer_list<std::int64_t>{
           INT64_MIN, -2147483649, INT32_MIN, -65, -64, -1, 0, 63, 64, 8191, 8192, INT32_MAX, 2147483648, INT64_MAX}) {
    const std::byte* end = write_varlong(room.data(), value);
    EXPECT_EQ(static_cast<std::size_t>(end - room.data()), varlong_size(value));
    std::int64_t back = 1;
    EXPECT_EQ(read_varlong(room.data(), end, back), end);
    EXPECT_EQ(back, value);
    EXPECT_EQ(read_varlong(room.data(), end - 1, back), nullptr);
    if (value < INT32_MIN || value > INT32_MAX) continue;
    const auto small = static_cast<std::int32_t>(value);
    end = write_varint(room.data(), small);
    EXPECT_EQ(static_cast<std::size_t>(end - room.data()), varint_size(small));
    std::int32_t small_back = 1;
    EXPECT_EQ(read_varint(room.data(), end, small_back), end);
    EXPECT_EQ(small_back, small);
  }
}

TEST(ControlRecords, AMarkerHas78BytesAndReadsBack) {
  for (const ControlRecordType type : {ControlRecordType::abort, ControlRecordType::commit}) {
    const auto bytes = build_end_transaction_marker({.type = type, .coordinator_epoch = 12}, 345, 6, 1'000, 50, 3);
    EXPECT_EQ(bytes.size(), transaction_marker_batch_size);
    const RecordBatchView batch = view(bytes);
    EXPECT_EQ(batch.attributes(), 0x30);
    EXPECT_EQ(batch.producer_id(), 345);
    EXPECT_EQ(batch.producer_epoch(), 6);
    EXPECT_EQ(batch.base_sequence(), -1);
    EXPECT_EQ(batch.base_offset(), 50);
    EXPECT_EQ(batch.partition_leader_epoch(), 3);
    RecordScratch scratch;
    RecordReader reader(batch, scratch);
    RecordView record;
    ASSERT_TRUE(reader.next(record));
    EXPECT_EQ(parse_end_transaction_marker(record).value(),
              (EndTransactionMarker{.type = type, .coordinator_epoch = 12}));
  }
}

TEST(ControlRecords, MalformedOnesAreRefusedAndNewerTypesUnknown) {
  using namespace std::string_view_literals;
  const auto type_of = [](std::string_view key) { return parse_control_type(RecordView{.key = as_bytes(key)}); };
  EXPECT_EQ(type_of("\0\0\0\1"sv).value(), ControlRecordType::commit);
  EXPECT_EQ(type_of("\0\1\0\0more"sv).value(), ControlRecordType::abort);
  EXPECT_EQ(type_of("\0\0\0\x63"sv).value(), ControlRecordType::unknown);
  EXPECT_EQ(type_of("\0\0\0"sv).code(), ErrorCode::invalid_record);
  EXPECT_EQ(type_of("\xff\xff\0\0"sv).code(), ErrorCode::invalid_record);
  EXPECT_EQ(parse_control_type(RecordView{}).code(), ErrorCode::invalid_record);
  EXPECT_EQ(parse_end_transaction_marker(RecordView{.key = as_bytes("\0\0\0\2"sv), .value = as_bytes("\0\0\0\0\0\0"sv)})
                .code(),
            ErrorCode::invalid_record);
  EXPECT_EQ(
      parse_end_transaction_marker(RecordView{.key = as_bytes("\0\0\0\1"sv), .value = as_bytes("\0\0\0"sv)}).code(),
      ErrorCode::invalid_record);
}

}  // namespace
}  // namespace protocol
