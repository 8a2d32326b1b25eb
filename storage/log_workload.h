// A random history of one log, and a model of what must come out of it: for the property tests and for Kafka as a
// judge. Not part of the library. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "protocol/records/record_batch_builder.h"
#include "storage/log.h"

namespace storage::testing {

class LogWorkload {
 public:
  struct Record {
    TimestampMs timestamp = 0;
    std::optional<std::string> key;
    std::string value;
    bool committed = true;        // false: of a transaction that was aborted or is open
    ProducerId transaction = -1;  // of this producer; -1: none
    bool operator==(const Record&) const = default;
  };

  explicit LogWorkload(std::uint32_t seed, TimestampMs start_ms = 1'700'000'000'000) : random_(seed), now_(start_ms) {}

  // Whether truncations, retention and deleted records are part of the history, and logs that start anew elsewhere;
  // compacted topics need keys.
  bool removes = true;
  bool starts_anew = false;
  bool keys_always = false;

  // Does one random thing to the log.
  void step(Log& log);
  // Ends the open transactions.
  void finish(Log& log);
  // Learns where the producers stand after a log was reopened or truncated.
  void resume(const Log& log);

  TimestampMs now() const { return now_; }
  // What must be in the log from its start offset on, markers aside.
  const std::map<Offset, Record>& records() const { return records_; }
  // Forgets what lies outside [start, end).
  void limit(Offset start, Offset end);
  // Forgets all but these; what it forgot.
  std::vector<Offset> keep_only(const std::set<Offset>& offsets);

  int appended_batches = 0, refused = 0, truncations = 0, transactions = 0;

 private:
  struct Producer {
    ProducerEpoch epoch = 0;
    std::int32_t sequence = 0;
    bool in_transaction = false;
    std::vector<Offset> offsets;
  };

  std::int32_t below(std::int32_t bound) { return std::uniform_int_distribution(0, bound - 1)(random_); }
  std::vector<Record> random_records();
  std::vector<std::byte> build(const std::vector<Record>& records, protocol::BatchOptions options);
  std::optional<AppendInfo> append(Log& log, const std::vector<Record>& records, protocol::BatchOptions options,
                                   VerificationGuard guard = no_verification_guard);
  void append_of_producer(Log& log, ProducerId id);
  void append_in_transaction(Log& log, ProducerId id);
  void end_transaction(Log& log, ProducerId id, bool commit);
  void append_as_follower(Log& log);
  void resend(Log& log);
  void truncate(Log& log);
  void start_anew(Log& log);
  void remove_old(Log& log);

  std::mt19937 random_;
  TimestampMs now_;
  LeaderEpoch epoch_ = 0;
  std::map<ProducerId, Producer> producers_;
  std::map<Offset, Record> records_;
};

}  // namespace storage::testing
