#include "protocol/records/validation.h"

#include <gtest/gtest.h>

#include <random>

#include "protocol/records/control_record.h"
#include "protocol/records/testing.h"

namespace protocol {
namespace {

using testing::OwnedRecord;
using testing::read_all;

constexpr TimestampMs now = 1'700'000'000'000;

std::vector<OwnedRecord> sample_records() {
  return {{.offset = 0, .timestamp = now - 30, .key = "a", .value = "1", .headers = {{"h", "x"}}},
          {.offset = 1, .timestamp = now - 10, .key = "b", .value = std::nullopt},
          {.offset = 2, .timestamp = now - 20, .key = "c", .value = std::string(500, 'v')}};
}

std::vector<OwnedRecord> moved(std::vector<OwnedRecord> records, Offset by) {
  for (OwnedRecord& record : records) record.offset += by;
  return records;
}

std::expected<PreparedBatch, PrepareFailure> prepare(Bytes records, PrepareOptions options = {}) {
  static RecordScratch scratch;
  options.now = now;
  options.partition = "orders-3";
  const auto summary = analyze_records(records, {.origin = options.origin, .partition = "orders-3"});
  if (!summary) return std::unexpected(PrepareFailure{.error = summary.error()});
  return prepare_append(records, *summary, options, scratch);
}

ErrorCode code_of(const std::expected<PreparedBatch, PrepareFailure>& prepared) {
  return prepared ? ErrorCode::none : prepared.error().error.code;
}

// What would be written, as one piece.
std::vector<std::byte> written(PreparedBatch& batch, Offset offset = 1000, LeaderEpoch epoch = 7) {
  batch.assign(offset, epoch);
  std::vector<std::byte> bytes(batch.header().begin(), batch.header().end());
  bytes.insert(bytes.end(), batch.body().begin(), batch.body().end());
  return bytes;
}

void patch_and_sign(std::vector<std::byte>& batch, std::size_t position, auto value) {
  store_be(batch.data() + position, value);
  RecordBatchView view;
  ASSERT_EQ(RecordBatchView::parse(batch, view), BatchStatus::ok);
  store_be(batch.data() + batch_v2::crc, view.computed_crc());
}

TEST(PrepareAppend, KeepsTheBytesOfAGoodBatchAndPatchesOnlyTheHeader) {
  for (const CompressionType codec : testing::codecs_of(magic_v2)) {
    const auto sent = testing::build(
        {.compression = Compression::of(codec), .producer_id = 5, .producer_epoch = 1, .base_sequence = 9},
        sample_records());
    auto prepared = prepare(sent);
    ASSERT_TRUE(prepared) << prepared.error().error.text();
    EXPECT_FALSE(prepared->was_rebuilt());
    EXPECT_EQ(prepared->body().data(), sent.data() + batch_v2::header_size) << "no copy";
    const auto bytes = written(*prepared);
    EXPECT_EQ(read_all(bytes).value(), moved(sample_records(), 1000));
    RecordBatchView view;
    ASSERT_EQ(RecordBatchView::parse(bytes, view), BatchStatus::ok);
    EXPECT_TRUE(view.crc_matches());
    EXPECT_EQ(view.partition_leader_epoch(), 7);
    EXPECT_EQ(prepared->base_offset(), 1000);
    EXPECT_EQ(prepared->last_offset(), 1002);
    EXPECT_EQ(prepared->max_timestamp(), now - 10);
    EXPECT_EQ(prepared->fields().producer_id(), 5);
    // Everything behind the leader epoch, the CRC included, is as the client sent it.
    EXPECT_TRUE(std::equal(sent.begin() + batch_v2::magic, sent.end(), bytes.begin() + batch_v2::magic));
  }
}

TEST(PrepareAppend, CorrectsTheLargestTimestampAndTheChecksum) {
  for (const CompressionType codec : testing::codecs_of(magic_v2)) {
    auto sent = testing::build({.compression = Compression::of(codec)}, sample_records());
    patch_and_sign(sent, batch_v2::max_timestamp, TimestampMs{1});
    auto prepared = prepare(sent);
    ASSERT_TRUE(prepared);
    EXPECT_FALSE(prepared->was_rebuilt());
    const auto bytes = written(*prepared);
    RecordBatchView view;
    ASSERT_EQ(RecordBatchView::parse(bytes, view), BatchStatus::ok);
    EXPECT_EQ(view.max_timestamp(), now - 10);
    EXPECT_TRUE(view.crc_matches());
  }
}

TEST(PrepareAppend, LogAppendTimeReplacesTheTimestampsInPlace) {
  for (const CompressionType codec : testing::codecs_of(magic_v2)) {
    const auto sent = testing::build({.compression = Compression::of(codec)}, sample_records());
    auto prepared = prepare(sent, {.timestamp_type = TimestampType::log_append_time, .timestamp_before_max_ms = 1});
    ASSERT_TRUE(prepared);
    EXPECT_FALSE(prepared->was_rebuilt());
    EXPECT_EQ(prepared->log_append_time(), now);
    const auto bytes = written(*prepared);
    RecordBatchView view;
    ASSERT_EQ(RecordBatchView::parse(bytes, view), BatchStatus::ok);
    EXPECT_EQ(view.timestamp_type(), TimestampType::log_append_time);
    EXPECT_TRUE(view.crc_matches());
    for (const OwnedRecord& record : read_all(bytes).value()) EXPECT_EQ(record.timestamp, now);
  }
}

TEST(PrepareAppend, RecompressesWhenTheTopicWantsAnotherCodec) {
  for (const CompressionType from : testing::codecs_of(magic_v2)) {
    for (const CompressionType to : testing::codecs_of(magic_v2)) {
      const auto sent = testing::build({.compression = Compression::of(from)}, sample_records());
      auto prepared = prepare(sent, {.compression = Compression::of(to)});
      ASSERT_TRUE(prepared);
      EXPECT_EQ(prepared->was_rebuilt(), from != to);
      EXPECT_EQ(prepared->fields().compression(), to);
      EXPECT_EQ(read_all(written(*prepared)).value(), moved(sample_records(), 1000));
    }
  }
}

TEST(PrepareAppend, KeepsProducerFieldsWhenItRebuilds) {
  const auto sent = testing::build({.producer_id = 5, .producer_epoch = 3, .base_sequence = 77, .transactional = true},
                                   sample_records());
  auto prepared = prepare(sent, {.compression = Compression::of(CompressionType::zstd)});
  ASSERT_TRUE(prepared);
  EXPECT_TRUE(prepared->was_rebuilt());
  EXPECT_EQ(prepared->fields().producer_id(), 5);
  EXPECT_EQ(prepared->fields().producer_epoch(), 3);
  EXPECT_EQ(prepared->fields().base_sequence(), 77);
  EXPECT_TRUE(prepared->fields().is_transactional());
}

TEST(PrepareAppend, ConvertsOldMessageSetsToOneBatch) {
  std::mt19937 random(1);
  for (const std::int8_t magic : {magic_v0, magic_v1}) {
    for (const CompressionType codec : testing::codecs_of(magic)) {
      for (const auto target : {std::optional<Compression>(), std::optional(Compression::of(CompressionType::lz4))}) {
        const auto records = testing::random_records(random, 40, magic);
        const auto sent = testing::build({.magic = magic, .compression = Compression::of(codec)}, records);
        auto prepared = prepare(sent, {.compression = target});
        ASSERT_TRUE(prepared) << prepared.error().error.text();
        EXPECT_TRUE(prepared->was_rebuilt());
        EXPECT_EQ(prepared->fields().magic(), magic_v2);
        EXPECT_EQ(prepared->fields().compression(), target ? target->type : codec);
        EXPECT_EQ(read_all(written(*prepared)).value(), moved(records, 1000));
        EXPECT_EQ(prepared->record_count(), 40);
      }
    }
  }
}

TEST(PrepareAppend, RefusesCompressedBatchesWhoseInnerOffsetsAreNotConsecutiveUnlessItRebuildsThemAnyway) {
  RecordBatchBuilder builder({.compression = Compression::of(CompressionType::gzip)});
  const std::string value = "v";
  for (const Offset offset : {0, 5, 6}) builder.append_at(offset, {.timestamp = now, .value = as_bytes(value)});
  auto sent = builder.build().value();
  patch_and_sign(sent, batch_v2::last_offset_delta, std::int32_t{2});
  EXPECT_EQ(code_of(prepare(sent)), ErrorCode::invalid_record);
  auto prepared = prepare(sent, {.compression = Compression::of(CompressionType::zstd)});
  ASSERT_TRUE(prepared);
  const auto records = read_all(written(*prepared)).value();
  EXPECT_EQ(records[1].offset, 1001);
  EXPECT_EQ(records[2].offset, 1002);
}

TEST(PrepareAppend, ConvertsV1SetsWhoseInnerOffsetsAreNotConsecutive) {
  RecordBatchBuilder builder({.magic = magic_v1, .compression = Compression::of(CompressionType::lz4)});
  const std::string value = "v";
  for (const Offset offset : {0, 5, 6}) builder.append_at(offset, {.timestamp = now, .value = as_bytes(value)});
  auto prepared = prepare(builder.build().value());
  ASSERT_TRUE(prepared);
  EXPECT_EQ(read_all(written(*prepared)).value()[1].offset, 1001);
}

TEST(PrepareAppend, RefusesWhatABuilderCouldNotCarryOn) {
  const auto zstd = PrepareOptions{.compression = Compression::of(CompressionType::zstd)};
  EXPECT_EQ(code_of(prepare(testing::build({.producer_id = -7}, sample_records()), zstd)), ErrorCode::invalid_record);
  EXPECT_EQ(code_of(prepare(testing::build({}, {{.timestamp = -5, .value = "x"}}), zstd)),
            ErrorCode::invalid_timestamp);
}

TEST(PrepareAppend, RefusesWhatClientsMayNotSend) {
  const auto with = [](BatchOptions options, std::size_t position, auto value) {
    auto sent = testing::build(options, sample_records());
    patch_and_sign(sent, position, value);
    return code_of(prepare(sent));
  };
  EXPECT_EQ(with({}, batch_v2::base_offset, Offset{1}), ErrorCode::invalid_record);
  EXPECT_EQ(with({}, batch_v2::record_count, std::int32_t{0}), ErrorCode::invalid_record);
  EXPECT_EQ(with({}, batch_v2::record_count, std::int32_t{-1}), ErrorCode::invalid_record);
  EXPECT_EQ(with({}, batch_v2::record_count, std::int32_t{2}), ErrorCode::invalid_record);
  EXPECT_EQ(with({}, batch_v2::last_offset_delta, std::int32_t{5}), ErrorCode::invalid_record);
  EXPECT_EQ(with({}, batch_v2::last_offset_delta, std::int32_t{-5}), ErrorCode::invalid_record);
  EXPECT_EQ(with({}, batch_v2::attributes, std::int16_t{0x20}), ErrorCode::invalid_record);
  EXPECT_EQ(with({}, batch_v2::producer_id, ProducerId{4}), ErrorCode::invalid_record) << "base sequence -1";
  EXPECT_EQ(with({}, batch_v2::attributes, std::int16_t{5}), ErrorCode::unknown_server_error) << "no such codec";
  EXPECT_EQ(with({}, batch_v2::attributes, std::int16_t{1}), ErrorCode::unknown_server_error) << "not gzip";

  const auto one = testing::build({}, sample_records());
  auto two = one;
  two.insert(two.end(), one.begin(), one.end());
  EXPECT_EQ(code_of(prepare(two)), ErrorCode::invalid_record);
}

TEST(PrepareAppend, LetsCoordinatorsWriteMarkers) {
  const auto marker =
      build_end_transaction_marker({.type = ControlRecordType::commit, .coordinator_epoch = 1}, 5, 0, now);
  auto prepared = prepare(
      marker,
      {.origin = AppendOrigin::coordinator, .compression = Compression::of(CompressionType::gzip), .compacted = true});
  ASSERT_TRUE(prepared);
  EXPECT_FALSE(prepared->was_rebuilt());
  EXPECT_EQ(prepared->fields().attributes(), 0x30);
}

TEST(PrepareAppend, ListsTheRecordsWithoutKeyInCompactedTopics) {
  for (const CompressionType codec : testing::codecs_of(magic_v2)) {
    const auto sent = testing::build(
        {.compression = Compression::of(codec)},
        {{.timestamp = now, .value = "x"}, {.timestamp = now, .key = "", .value = "y"}, {.timestamp = now}});
    EXPECT_TRUE(prepare(sent));
    const auto refused = prepare(sent, {.compacted = true});
    ASSERT_EQ(code_of(refused), ErrorCode::invalid_record);
    ASSERT_EQ(refused.error().record_errors.size(), 2u);
    EXPECT_EQ(refused.error().record_errors[0].batch_index, 0);
    EXPECT_EQ(refused.error().record_errors[1].batch_index, 2);
    const std::string first = "RecordError(batchIndex=0, message='" + refused.error().record_errors[0].message + "')";
    const std::string second = "RecordError(batchIndex=2, message='" + refused.error().record_errors[1].message + "')";
    EXPECT_EQ(
        refused.error().error.text(),
        "One or more records have been rejected due to 2 record errors in total, and only showing the first three "
        "errors at most: [" +
            first + ", " + second + "]");
  }
}

TEST(PrepareAppend, ListsTheRecordsWithTimestampsOutOfRange) {
  const auto sent = testing::build({}, {{.timestamp = now - 101, .value = "early"},
                                        {.timestamp = now - 100, .value = "in"},
                                        {.timestamp = no_timestamp, .value = "exempt"},
                                        {.timestamp = now + 50, .value = "in"},
                                        {.timestamp = now + 51, .value = "late"}});
  const auto refused = prepare(sent, {.timestamp_before_max_ms = 100, .timestamp_after_max_ms = 50});
  ASSERT_EQ(code_of(refused), ErrorCode::invalid_timestamp);
  ASSERT_EQ(refused.error().record_errors.size(), 2u);
  EXPECT_EQ(refused.error().record_errors[0].batch_index, 0);
  EXPECT_EQ(refused.error().record_errors[1].batch_index, 4);
  EXPECT_TRUE(prepare(sent, {.timestamp_before_max_ms = 101, .timestamp_after_max_ms = 51}));
}

TEST(PrepareAppend, RefusesTheAppendTimeFlagFromProducersOfAppendTimeTopics) {
  const auto sent =
      testing::build({.timestamp_type = TimestampType::log_append_time, .log_append_time = now}, {{.value = "x"}});
  const auto refused = prepare(sent, {.timestamp_type = TimestampType::log_append_time});
  EXPECT_EQ(code_of(refused), ErrorCode::invalid_timestamp);
  auto prepared = prepare(sent);
  ASSERT_TRUE(prepared) << "a CreateTime topic just clears it";
  EXPECT_EQ(prepared->fields().timestamp_type(), TimestampType::create_time);
}

TEST(PrepareAppend, RefusesInnerMessagesWithAWrongChecksum) {
  auto inner = testing::build({.magic = magic_v1}, {{.timestamp = now, .value = "hello"}});
  inner.back() ^= std::byte{1};
  const auto packed = compress(Compression::of(CompressionType::gzip), magic_v1, inner);
  auto outer = testing::build({.magic = magic_v1}, {{.timestamp = now, .value = std::string(as_text(packed))}});
  outer[message::attributes] = std::byte{1};
  RecordBatchView view;
  ASSERT_EQ(RecordBatchView::parse(outer, view), BatchStatus::ok);
  store_be(outer.data() + message::crc, view.computed_crc());
  EXPECT_EQ(code_of(prepare(outer)), ErrorCode::corrupt_message);
}

TEST(PrepareAppend, ChecksTheSizeAgainAfterConversion) {
  const auto sent = testing::build({.compression = Compression::of(CompressionType::gzip)},
                                   {{.timestamp = now, .value = std::string(5000, 'x')}});
  EXPECT_TRUE(prepare(sent, {.max_message_bytes = 1000}));
  const auto refused =
      prepare(sent, {.compression = Compression::of(CompressionType::none), .max_message_bytes = 1000});
  EXPECT_EQ(code_of(refused), ErrorCode::message_too_large);
}

TEST(AnalyzeRecords, SumsUpAndIgnoresATornTail) {
  auto bytes = testing::build({.base_offset = 10, .partition_leader_epoch = 4}, sample_records());
  const auto second = testing::build(
      {.compression = Compression::of(CompressionType::lz4), .base_offset = 20, .partition_leader_epoch = 5},
      sample_records());
  bytes.insert(bytes.end(), second.begin(), second.end());
  const std::size_t whole = bytes.size();
  bytes.insert(bytes.end(), second.begin(), second.end() - 1);
  const auto summary = analyze_records(bytes, {.origin = AppendOrigin::replication, .require_monotonic_offsets = true});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->valid_bytes, whole);
  EXPECT_EQ(summary->batch_count, 2);
  EXPECT_EQ(summary->first_offset, 10);
  EXPECT_EQ(summary->last_offset, 22);
  EXPECT_EQ(summary->last_offset_of_first_batch, 12);
  EXPECT_EQ(summary->last_leader_epoch, 5);
  EXPECT_EQ(summary->max_timestamp, now - 10);
  EXPECT_EQ(summary->offset_of_max_timestamp, 12);
  EXPECT_EQ(summary->compression, CompressionType::lz4);
}

TEST(AnalyzeRecords, RefusesDamagedOversizedAndUnorderedBatches) {
  const auto good = testing::build({}, sample_records());
  auto damaged = good;
  damaged.back() ^= std::byte{1};
  EXPECT_EQ(analyze_records(damaged, {}).code(), ErrorCode::corrupt_message);
  damaged = good;
  damaged[batch_v2::magic] = std::byte{9};
  EXPECT_EQ(analyze_records(damaged, {}).code(), ErrorCode::corrupt_message);
  EXPECT_EQ(analyze_records(good, {.max_message_bytes = good.size() - 1}).code(), ErrorCode::message_too_large);
  EXPECT_TRUE(analyze_records(good, {.max_message_bytes = good.size()}));
  auto twice = good;
  twice.insert(twice.end(), good.begin(), good.end());
  EXPECT_FALSE(analyze_records(twice, {.origin = AppendOrigin::replication, .require_monotonic_offsets = true}));
  EXPECT_EQ(analyze_records({}, {}).value().valid_bytes, 0u);
}

TEST(AnalyzeRecords, OfABatchThatIsShorterThanItsHeaderItLooksAtWhatIsThereFirst) {
  auto batch = testing::build({}, {{.value = "hello"}});
  batch.resize(batch_v2::header_size - 1);
  store_be(batch.data() + batch_v2::length, static_cast<std::int32_t>(batch.size() - batch_length_overhead));
  EXPECT_EQ(analyze_records(batch, {}).code(), ErrorCode::corrupt_message);
  EXPECT_EQ(analyze_records(Bytes(batch).first(59), {}).value().valid_bytes, 0u) << "a torn tail";
  EXPECT_EQ(analyze_records(batch, {.max_message_bytes = 59}).code(), ErrorCode::message_too_large);
  store_be(batch.data(), Offset{5});
  EXPECT_EQ(analyze_records(batch, {.max_message_bytes = 59}).code(), ErrorCode::invalid_record);

  auto old = testing::build({.magic = magic_v1}, {{}});
  old.resize(message::overhead_v1 - 1);
  store_be(old.data() + message::size, static_cast<std::int32_t>(old.size() - batch_length_overhead));
  EXPECT_EQ(analyze_records(old, {}).code(), ErrorCode::corrupt_message);
  EXPECT_EQ(analyze_records(old, {.max_message_bytes = 32}).code(), ErrorCode::message_too_large);
}

TEST(PrepareAppend, WrongRecordsAreToldBeforeAProducerWithoutSequence) {
  const auto batch = testing::build({.producer_id = -7}, {{.timestamp = now, .value = "no key"}});
  const auto lz4 = Compression::of(CompressionType::lz4);
  EXPECT_TRUE(prepare(batch, {.compression = lz4}).error().record_errors.empty());
  EXPECT_EQ(prepare(batch, {.compression = lz4, .compacted = true}).error().record_errors.size(), 1u);
}

TEST(PrepareAppend, DamagedBatchesWithRightChecksumsNeverCrash) {
  std::mt19937 random(2);
  std::size_t accepted = 0, refused = 0;
  for (const std::int8_t magic : {magic_v0, magic_v1, magic_v2}) {
    for (const CompressionType codec : testing::codecs_of(magic)) {
      const auto sent = testing::build({.magic = magic, .compression = Compression::of(codec)},
                                       testing::random_records(random, 4, magic, 30));
      for (int round = 0; round < 3'000; ++round) {
        auto damaged = sent;
        for (auto left = 1 + random() % 3; left > 0; --left) {
          damaged[batch_v2::magic + 1 + random() % (damaged.size() - 17)] = static_cast<std::byte>(random());
        }
        RecordBatchView view;
        ASSERT_EQ(RecordBatchView::parse(damaged, view), BatchStatus::ok);
        store_be(damaged.data() + (magic == magic_v2 ? batch_v2::crc : message::crc), view.computed_crc());
        auto prepared = prepare(damaged, {.compression = round % 2 == 0 ? std::optional<Compression>()
                                                                        : Compression::of(CompressionType::lz4)});
        ++(prepared ? accepted : refused);
        if (!prepared) continue;
        const auto bytes = written(*prepared);
        ASSERT_EQ(RecordBatchView::parse(bytes, view), BatchStatus::ok);
        ASSERT_TRUE(view.crc_matches()) << "what is accepted is whole";
        ASSERT_TRUE(read_all(bytes)) << read_all(bytes).error().text();
      }
    }
  }
  EXPECT_GT(accepted, 100u);
  EXPECT_GT(refused, 1'000u);
}

}  // namespace
}  // namespace protocol
