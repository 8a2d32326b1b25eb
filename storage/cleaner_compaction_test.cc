#include "storage/cleaner_compaction.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "protocol/records/control_record.h"
#include "storage/cleaner_state.h"
#include "storage/cleaner_workload.h"
#include "storage/producer_state.h"
#include "storage/segment.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using testing::CleanerWorkload;
using testing::LogFixture;
using testing::TestRecord;

class CompactionTest : public LogFixture {
 protected:
  CompactionTest() {
    config_.cleanup_compact = true;
    config_.cleanup_delete = false;
    config_.segment_bytes = 4'000;
    config_.index_interval_bytes = 200;
    config_.delete_retention_ms = 3'000;
    options_.io_buffer_bytes = 700;
    options_.hash_key = {1, 2};
  }

  // Compacts from where the last compaction ended.
  CompactionResult clean(TimestampMs at = now) {
    log_->update_high_watermark(log_->log_end_offset());
    const auto range = find_cleanable_offsets(*log_, clean_up_to_, at);
    EXPECT_TRUE(range);
    const auto cleanable = measure(log_, *range);
    auto result = compact(cleanable, options_, at);
    EXPECT_TRUE(result) << result.error().text();
    if (result && !result->stopped) clean_up_to_ = result->next_dirty;
    return result.value_or(CompactionResult{});
  }

  void put(std::string key, std::optional<std::string> value, protocol::BatchOptions batch_options = {}) {
    protocol::RecordBatchBuilder builder(batch_options);
    std::optional<protocol::Bytes> bytes;
    if (value) bytes = protocol::as_bytes(*value);
    builder.append(1000, protocol::as_bytes(key), bytes);
    append(builder.build().value());
  }

  // Of producer 9, epoch 0.
  void put_in_transaction(std::string key, std::string value, std::int32_t sequence) {
    const auto guard = log_->start_transaction_verification(9, sequence, 0, now);
    protocol::RecordBatchBuilder builder(
        {.producer_id = 9, .producer_epoch = 0, .base_sequence = sequence, .transactional = true});
    builder.append(1000, protocol::as_bytes(key), protocol::as_bytes(value));
    ASSERT_TRUE(log_->append_as_leader(builder.build().value(), 0, AppendOrigin::client, now, guard));
  }
  void end_transaction() {
    append(protocol::build_end_transaction_marker({.type = protocol::ControlRecordType::commit}, 9, 0, 1000), 0,
           AppendOrigin::coordinator);
  }

  void start_afresh() {
    log_.reset();
    clean_up_to_.reset();
    ASSERT_TRUE(real_file_system().remove_tree(path()));
    open();
  }

  void roll() { ASSERT_TRUE(log_->roll(now)); }

  std::vector<std::string> keys_and_values() const {
    std::vector<std::string> found;
    for (const auto& record : testing::read_content(*log_).records) {
      found.push_back(
          fmt::format("{}:{}={}", record.offset, record.key.value_or("-"), record.value.value_or("(null)")));
    }
    return found;
  }

  bool any_file_ends_with(std::string_view suffix) const {
    return std::ranges::any_of(file_names(), [&](const std::string& name) { return name.ends_with(suffix); });
  }

  CompactionOptions options_;
  std::optional<Offset> clean_up_to_;
};

using Strings = std::vector<std::string>;

TEST_F(CompactionTest, KeepsTheNewestValueOfEachKeyAtItsOffset) {
  open();
  put("a", "1");
  put("b", "2");
  put("a", "3");
  roll();
  put("b", "4");
  put("c", "5");
  roll();
  put("c", "active");
  EXPECT_EQ(clean().next_dirty, 5);
  EXPECT_EQ(keys_and_values(), (Strings{"2:a=3", "3:b=4", "4:c=5", "5:c=active"}));
  EXPECT_EQ(log_->log_end_offset(), 6);
  EXPECT_EQ(log_->segment_count(), 2u) << "the cleaned segments are merged";
}

TEST_F(CompactionTest, KeepsPartsOfBatchesWithTheirOffsets) {
  for (const auto codec : {protocol::CompressionType::none, protocol::CompressionType::zstd}) {
    start_afresh();
    append(testing::make_batch({{.value = "1", .key = "a"}, {.value = "2", .key = "b"}, {.value = "3", .key = "a"}},
                               {.compression = protocol::Compression::of(codec)}));
    put("c", "4");
    roll();
    clean();
    EXPECT_EQ(keys_and_values(), (Strings{"1:b=2", "2:a=3", "3:c=4"}));
  }
}

TEST_F(CompactionTest, RecordsThatArriveMeanwhileDontVoidIt) {
  open();
  for (int i = 0; i < 100; ++i) put("k", std::to_string(i));
  roll();
  int arrived = 0;
  options_.should_stop = [&] {
    if (arrived < 200) put("new", std::to_string(arrived++));  // several segments of them
    return false;
  };
  EXPECT_FALSE(clean().stopped);
  EXPECT_GT(arrived, 1);
  const Strings all = keys_and_values();
  EXPECT_EQ(all.front(), "99:k=99");
  EXPECT_EQ(all.size(), 1u + static_cast<std::size_t>(arrived));
}

TEST_F(CompactionTest, ATruncationMeanwhileVoidsIt) {
  open();
  for (int i = 0; i < 100; ++i) put("k", std::to_string(i));
  roll();
  put("last", "1");
  options_.should_stop = [&] {
    EXPECT_TRUE(log_->truncate_to(100, now));
    return false;
  };
  EXPECT_TRUE(clean().stopped);
  EXPECT_EQ(keys_and_values().size(), 100u);
}

TEST_F(CompactionTest, ReadsFromOffsetsThatAreGone) {
  open();
  for (int i = 0; i < 100; ++i) put("k", std::to_string(i));
  roll();
  clean();
  for (Offset offset = 0; offset < 100; ++offset) {
    const auto records = testing::read_all(*log_, offset);
    ASSERT_EQ(records.size(), 1u) << offset;
    EXPECT_EQ(records[0].offset, 99);
  }
}

TEST_F(CompactionTest, DropsTombstonesOnlyAfterTheirHorizon) {
  open();
  put("a", "1");
  put("b", "2");
  put("a", std::nullopt);
  roll();
  clean(now);
  EXPECT_EQ(keys_and_values(), (Strings{"1:b=2", "2:a=(null)"}));
  EXPECT_EQ(testing::read_content(*log_).batches_with_horizon, 1);
  put("c", "3");
  roll();
  clean(now + 2'999);
  EXPECT_EQ(keys_and_values(), (Strings{"1:b=2", "2:a=(null)", "3:c=3"}));
  put("d", "4");
  roll();
  clean(now + 3'000);
  EXPECT_EQ(keys_and_values(), (Strings{"1:b=2", "3:c=3", "4:d=4"}));
}

TEST_F(CompactionTest, DropsRecordsWithoutKeyAndCountsThem) {
  config_.cleanup_compact = false;  // as before the topic became compacted
  open();
  append("no key");
  put("a", "1");
  roll();
  EXPECT_EQ(clean().counts.records_without_key, 1);
  EXPECT_EQ(keys_and_values(), (Strings{"1:a=1"}));
}

TEST_F(CompactionTest, LeavesAnEmptyBatchThatRemembersAProducersLastSequence) {
  open();
  put("a", "1", {.producer_id = 5, .producer_epoch = 2, .base_sequence = 0});
  put("a", "2", {.producer_id = 5, .producer_epoch = 2, .base_sequence = 1});
  put("a", "3");
  roll();
  clean();
  EXPECT_EQ(keys_and_values(), (Strings{"2:a=3"}));
  EXPECT_EQ(testing::read_content(*log_).empty_batches, 1);
  for (const std::string& name : file_names()) {
    if (name.ends_with(".snapshot")) std::filesystem::remove(path() + "/" + name);
  }
  reopen_after_crash();
  const auto producers = log_->active_producers();
  ASSERT_EQ(producers.size(), 1u);
  EXPECT_EQ(producers[0].last_sequence, 1);
  EXPECT_EQ(producers[0].producer_epoch, 2);
}

TEST_F(CompactionTest, KeepsAMarkerUntilItsHorizonOnceNothingOfItsTransactionIsLeft) {
  open();
  put_in_transaction("a", "1", 0);
  end_transaction();
  put("a", "2");
  roll();
  put_in_transaction("b", "3", 1);  // so that the first batch is not the producer's last
  end_transaction();
  clean(now);
  EXPECT_EQ(testing::read_content(*log_).control_batches, 2);
  EXPECT_EQ(testing::read_content(*log_).batches_with_horizon, 0) << "this pass still met the transaction's data";
  clean(now + 1'000);
  EXPECT_EQ(testing::read_content(*log_).batches_with_horizon, 1);
  clean(now + 1'000 + config_.delete_retention_ms - 1);
  EXPECT_EQ(testing::read_content(*log_).control_batches, 2);
  clean(now + 1'000 + config_.delete_retention_ms);
  EXPECT_EQ(testing::read_content(*log_).control_batches, 1);
}

TEST_F(CompactionTest, StopsAtAnOpenTransaction) {
  open();
  put("a", "1");
  roll();
  put_in_transaction("a", "2", 0);
  roll();
  put("a", "3");
  roll();
  EXPECT_EQ(clean().next_dirty, 1);
  EXPECT_EQ(keys_and_values(), (Strings{"0:a=1", "1:a=2", "2:a=3"}));
}

TEST_F(CompactionTest, WorksThroughALogLargerThanItsMapInSeveralRounds) {
  open();
  for (int i = 0; i < 200; ++i) put(fmt::format("key-{}", i % 100), std::to_string(i));
  roll();
  options_.dedupe_buffer_bytes = 40 * CleanerOffsetMap::slot_size;
  int rounds = 0;
  for (; rounds < 50 && clean_up_to_.value_or(0) < 200; ++rounds) {
    const Offset before = clean_up_to_.value_or(0);
    ASSERT_GT(clean().next_dirty, before);
  }
  EXPECT_GT(rounds, 3);
  const auto content = keys_and_values();
  EXPECT_EQ(content.size(), 100u);
  EXPECT_EQ(content.front(), "100:key-0=100");
}

TEST_F(CompactionTest, StopsWithoutATraceWhenAsked) {
  open();
  for (int i = 0; i < 100; ++i) put("k", std::to_string(i));
  roll();
  const auto before = keys_and_values();
  for (int allowed = 0; allowed < 12; ++allowed) {
    int asked = 0;
    options_.should_stop = [&] { return asked++ >= allowed; };
    EXPECT_TRUE(clean().stopped);
    EXPECT_EQ(keys_and_values(), before);
    EXPECT_FALSE(any_file_ends_with(".cleaned"));
  }
}

TEST_F(CompactionTest, GivesUpWhenTheLogIsTruncatedMeanwhile) {
  open();
  for (int i = 0; i < 100; ++i) put("k", std::to_string(i));
  roll();
  put("z", "end");
  for (const Offset cut : {101, 50}) {
    int asked = 0;
    options_.should_stop = [&] {
      if (++asked == 6) {
        EXPECT_TRUE(log_->truncate_to(cut == 101 ? 100 : cut, now));
      }
      return false;
    };
    const auto result = clean();
    EXPECT_TRUE(result.stopped);
    EXPECT_EQ(log_->log_end_offset(), std::min<Offset>(cut, 100));
    EXPECT_FALSE(any_file_ends_with(".cleaned"));
    EXPECT_FALSE(any_file_ends_with(".swap"));
    if (cut == 50) EXPECT_EQ(testing::read_all(*log_).size(), 50u);
  }
}

TEST_F(CompactionTest, GivesUpWhenThePartitionIsDeletedMeanwhile) {
  open();
  for (int i = 0; i < 100; ++i) put("k", std::to_string(i));
  roll();
  for (const int moment : {1, 5}) {
    int asked = 0;
    options_.should_stop = [&] {
      if (++asked == moment && !log_->is_closed()) {
        EXPECT_TRUE(log_->rename_directory(root_.path() + "/topic-0.00000000000000000000000000000000-delete"));
      }
      return false;
    };
    EXPECT_TRUE(clean().stopped);
    EXPECT_TRUE(directory_->is_online());
  }
}

TEST_F(CompactionTest, RefusesABatchThatCannotBeReadAndLeavesTheLogAsItIs) {
  open();
  for (int i = 0; i < 20; ++i) put("k", std::to_string(i));
  roll();
  log_->update_high_watermark(log_->log_end_offset());
  std::string content = testing::read_file(file(0, ".log"));
  content[protocol::batch_v2::records] = 0x7F;
  testing::write_file(file(0, ".log"), content);
  const auto range = find_cleanable_offsets(*log_, std::nullopt, now);
  const auto result = compact(measure(log_, *range), options_, now);
  EXPECT_EQ(result.code(), protocol::ErrorCode::invalid_record);
  EXPECT_EQ(testing::read_file(file(0, ".log")), content);
  EXPECT_FALSE(any_file_ends_with(".cleaned"));
}

// ---- Random histories

// The newest committed value of each key must be what it was; records that remain must be what they were.
void verify(const Log& log, const CleanerWorkload& workload, Offset clean_up_to) {
  const auto content = testing::read_content(log);
  std::set<Offset> present;
  std::set<std::string> clean_keys;
  for (const auto& record : content.records) {
    ASSERT_TRUE(present.insert(record.offset).second) << "offset " << record.offset << " twice";
    const auto original = workload.records().find(record.offset);
    ASSERT_NE(original, workload.records().end()) << "offset " << record.offset << " never was";
    ASSERT_EQ(record.key, original->second.key);
    ASSERT_EQ(record.value, original->second.value);
    ASSERT_EQ(record.timestamp, original->second.timestamp);
    if (record.offset >= clean_up_to) continue;
    ASSERT_NE(original->second.state, CleanerWorkload::State::aborted) << "offset " << record.offset;
    ASSERT_TRUE(clean_keys.insert(*record.key).second) << *record.key << " twice in the clean part";
  }
  for (const auto& [offset, record] : workload.records()) {
    if (offset >= clean_up_to && record.state != CleanerWorkload::State::aborted) {
      ASSERT_TRUE(present.contains(offset)) << "offset " << offset << " is gone though it is not clean";
    }
  }
  auto expected = workload.latest(log.last_stable_offset());
  auto found = testing::read_latest_committed(log);
  const auto is_tombstone = [](const auto& entry) { return !entry.second.has_value(); };
  std::erase_if(expected, is_tombstone);
  std::erase_if(found, is_tombstone);
  ASSERT_EQ(found, expected);
}

// What must survive a recovery that has nothing but the log to go by.
std::vector<std::string> producer_states(const Log& log) {
  std::vector<std::string> states;
  for (const ProducerSummary& producer : log.active_producers()) {
    states.push_back(fmt::format("{} epoch {} sequence {} transaction {}", producer.producer_id,
                                 producer.producer_epoch, producer.last_sequence, producer.current_txn_start_offset));
  }
  std::ranges::sort(states);
  return states;
}

class RandomCompaction : public CompactionTest, public ::testing::WithParamInterface<int> {};

TEST_P(RandomCompaction, NeverLosesTheNewestValueOfAKey) {
  const auto seed = static_cast<std::uint32_t>(GetParam());
  CleanerWorkload workload(seed, 3 + GetParam() * 7 % 60);
  options_.dedupe_buffer_bytes = (GetParam() % 3 == 0 ? 25 : 4'000) * CleanerOffsetMap::slot_size;
  options_.io_buffer_bytes = GetParam() % 2 == 0 ? 300 : 100'000;
  open();
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 60; ++i) workload.step(*log_);
    if (round % 4 == 3) workload.end_all_transactions(*log_);
    clean(workload.now());
    verify(*log_, workload, clean_up_to_.value_or(0));
    if (::testing::Test::HasFatalFailure()) return;
    if (round % 3 != 2) continue;
    const auto before = producer_states(*log_);
    for (const std::string& name : file_names()) {
      if (name.ends_with(".snapshot") && workload.random()() % 2 == 0) std::filesystem::remove(path() + "/" + name);
    }
    reopen_after_crash();
    log_->update_high_watermark(log_->log_end_offset());
    ASSERT_EQ(producer_states(*log_), before);
    verify(*log_, workload, clean_up_to_.value_or(0));
    if (::testing::Test::HasFatalFailure()) return;
  }
  workload.end_all_transactions(*log_);
  workload.advance_ms(100'000);
  for (int round = 0; round < 3; ++round) {
    roll();
    clean(workload.now());
    workload.advance_ms(100'000);
  }
  verify(*log_, workload, clean_up_to_.value_or(0));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCompaction, ::testing::Range(0, 12));

// Everything that changes names or removes files fails from a certain moment on, as if the process had died there.
class DyingFileSystem final : public FileSystem {
 public:
  Io<void> rename(const std::string& from, const std::string& to) override {
    if (allowed-- <= 0) return io_fail(EIO, "rename after the end");
    return FileSystem::rename(from, to);
  }
  Io<void> remove(const std::string& file) override {
    if (allowed-- <= 0) return io_fail(EIO, "remove after the end");
    return FileSystem::remove(file);
  }
  int allowed = 1'000'000;
};

TEST_F(CompactionTest, ACrashAtAnyStepOfTheReplacementLosesNothing) {
  DyingFileSystem dying;
  file_system_ = &dying;
  int survived = 0;
  for (int allowed = 0; survived == 0; ++allowed) {
    ASSERT_LT(allowed, 300);
    dying.allowed = 1'000'000;
    start_afresh();
    CleanerWorkload workload(77, 10);
    for (int i = 0; i < 60; ++i) workload.step(*log_);
    workload.end_all_transactions(*log_);
    roll();
    log_->update_high_watermark(log_->log_end_offset());
    const auto range = find_cleanable_offsets(*log_, std::nullopt, workload.now());
    dying.allowed = allowed;
    survived += compact(measure(log_, *range), options_, workload.now()).has_value();
    dying.allowed = 1'000'000;
    reopen_after_crash();
    log_->update_high_watermark(log_->log_end_offset());
    auto expected = workload.latest(log_->log_end_offset());
    auto found = testing::read_latest_committed(*log_);
    ASSERT_EQ(found, expected) << "after " << allowed << " operations";
    EXPECT_FALSE(any_file_ends_with(".cleaned"));
    EXPECT_FALSE(any_file_ends_with(".swap"));
  }
}

}  // namespace
}  // namespace storage
