// A random history of one log for the compaction tests: plain, idempotent and transactional batches with keys and
// tombstones in every codec, markers, rolls; and a model that knows what a consumer must see. Not part of the library.
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "protocol/records/record_batch_builder.h"
#include "storage/log.h"

namespace storage::testing {

class CleanerWorkload {
 public:
  enum class State : std::uint8_t { plain, pending, committed, aborted };
  struct Record {
    TimestampMs timestamp = 0;
    std::optional<std::string> key;
    std::optional<std::string> value;
    State state = State::plain;
    bool is_visible() const { return state == State::plain || state == State::committed; }
  };

  CleanerWorkload(std::uint32_t seed, int keys) : random_(seed), keys_(keys) {}

  // Does one random thing to the log; whatever is appended counts as replicated at once.
  void step(Log& log);
  // Ends the transactions that are open.
  void end_all_transactions(Log& log);
  void advance_ms(std::int64_t by_ms) { now_ += by_ms; }

  TimestampMs now() const { return now_; }
  std::mt19937& random() { return random_; }
  // Everything that was ever appended, markers aside, by offset.
  const std::map<Offset, Record>& records() const { return records_; }
  // Key to newest value of the visible records below `end`; nullopt: a tombstone.
  std::map<std::string, std::optional<std::string>> latest(Offset end) const;

 private:
  struct Producer {
    ProducerEpoch epoch = 0;
    std::int32_t sequence = 0;
    bool in_transaction = false;
    std::vector<Offset> offsets;  // of the open transaction
  };

  std::vector<Record> random_records();
  void append(Log& log, std::vector<Record> records, protocol::BatchOptions options);
  void append_of_producer(Log& log, ProducerId id);
  void end_transaction(Log& log, ProducerId id);

  std::mt19937 random_;
  const int keys_;
  TimestampMs now_ = 1'700'000'000'000;
  int steps_ = 0;
  std::map<ProducerId, Producer> producers_;
  std::map<Offset, Record> records_;
};

// What a log holds, batch by batch.
struct LogContent {
  struct Entry {
    Offset offset = 0;
    TimestampMs timestamp = 0;
    std::optional<std::string> key;
    std::optional<std::string> value;
  };
  std::vector<Entry> records;  // without those of control batches
  std::int64_t control_batches = 0, empty_batches = 0, batches_with_horizon = 0;
};
LogContent read_content(const Log& log);

// Key to newest value as a read_committed consumer builds it up; nullopt: a tombstone.
std::map<std::string, std::optional<std::string>> read_latest_committed(const Log& log);

}  // namespace storage::testing
