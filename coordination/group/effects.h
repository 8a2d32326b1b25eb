// What a step of a group asks its shell to do: answer waiting requests and append records.
// Values, made by a step and consumed by the shell. A step touches no socket, file, clock or random source.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "coordination/group/calls.h"

namespace coordination::group {

// Names a request that waits for its answer. Chosen by the shell; each gets exactly one Reply.
using CallId = std::uint64_t;

// Names an append whose outcome the group must be told (GroupShard::append_finished). Chosen by the shard.
using AppendId = std::uint64_t;

struct Reply {
  CallId call = 0;
  std::variant<JoinResult, SyncResult, CommitResult> result;
};

// One record of __consumer_offsets. No value: a tombstone.
struct Record {
  std::string key;
  std::optional<std::string> value;
};

struct Append {
  std::optional<AppendId> id;   // none: nobody waits; a lost append is repeated or harmless
  std::vector<Record> records;  // one batch
};

struct Effects {
  std::vector<Reply> replies;
  std::vector<Append> appends;  // in this order

  bool empty() const { return replies.empty() && appends.empty(); }
};

// The step under way: when it happens, and the effects it has gathered.
class Step {
 public:
  Step(Instant now, AppendId& next_append_id) : now_(now), next_append_id_(next_append_id) {}

  Instant now() const { return now_; }
  void reply(CallId call, JoinResult result) { effects_.replies.push_back({call, std::move(result)}); }
  void reply(CallId call, SyncResult result) { effects_.replies.push_back({call, std::move(result)}); }
  void reply(CallId call, CommitResult result) { effects_.replies.push_back({call, std::move(result)}); }

  // The outcome comes back as an event with this id.
  AppendId append(std::vector<Record> records) {
    const AppendId id = next_append_id_++;
    effects_.appends.push_back({id, std::move(records)});
    return id;
  }
  void append_and_forget(std::vector<Record> records) {
    effects_.appends.push_back({std::nullopt, std::move(records)});
  }

  const Effects& effects() const { return effects_; }
  Effects take_effects() { return std::move(effects_); }

 private:
  Instant now_;
  AppendId& next_append_id_;
  Effects effects_;
};

}  // namespace coordination::group
