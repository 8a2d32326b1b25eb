// The members of one classic group: known ones in the order they joined, ids handed out but not used yet, static
// instance ids, the leader, and how many members support each protocol. Bookkeeping only; the rules are in Group.
// Owned by a Group; no synchronisation of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coordination/group/calls.h"
#include "coordination/group/effects.h"

namespace coordination::group {

struct Member {
  std::string id;
  std::optional<std::string> instance_id;  // static member (KIP-345)
  std::string client_id;
  std::string client_host;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = 0;
  std::vector<MemberProtocol> protocols;  // the one it likes best first
  std::string assignment;
  bool is_new = false;                // its first JoinGroup waits: its session may expire nevertheless
  std::optional<CallId> parked_join;  // set through Members
  std::optional<CallId> parked_sync;
  bool owes_sync = false;                           // set through Members
  std::optional<std::int64_t> session_deadline_ms;  // monotonic; none: its session can't expire now

  bool is_static() const { return instance_id.has_value(); }
  // Its metadata for a protocol; empty if it doesn't support it.
  const std::string& metadata(std::string_view protocol) const;
};

class Members {
 public:
  // Nullptr: no such member.
  Member* find(std::string_view id);
  const Member* find(std::string_view id) const;
  // The id of the member that holds a static instance id.
  const std::string* find_static(std::string_view instance_id) const;

  // Expects a new id, and an instance id that nobody holds. The first member becomes the leader.
  Member& add(Member member);
  // Returns what was removed, with the calls it had parked; nothing for a stranger. A leader is replaced by the oldest
  // member that is left. Also forgets a pending id.
  std::optional<Member> remove(std::string_view id);
  // Gives a static member a new id; everything else stays, leadership included.
  Member& rename(Member& member, std::string new_id);
  void set_protocols(Member& member, std::vector<MemberProtocol> protocols);

  void park_join(Member& member, CallId call);
  std::optional<CallId> take_join(Member& member);
  std::size_t parked_joins() const { return parked_joins_; }
  bool all_joined() const { return members_.size() == parked_joins_ && pending_.empty(); }

  void expect_sync(Member& member);
  void sync_received(Member& member);
  void expect_no_sync();
  bool all_synced() const { return owed_syncs_ == 0; }

  // Ids given out with MEMBER_ID_REQUIRED, until they join or this monotonic time has come.
  void add_pending(std::string id, std::int64_t deadline_ms) { pending_.insert_or_assign(std::move(id), deadline_ms); }
  bool is_pending(std::string_view id) const { return pending_.contains(id); }
  const std::map<std::string, std::int64_t, std::less<>>& pending() const { return pending_; }

  const std::string& leader_id() const { return leader_id_; }  // empty: none
  void set_leader(std::string id) { leader_id_ = std::move(id); }
  bool is_leader(std::string_view id) const { return !leader_id_.empty() && leader_id_ == id; }
  // If the leader has not rejoined, the oldest member that has becomes the leader. False: nobody has, or no members.
  bool elect_joined_leader();

  // Whether someone with these protocols could be a member beside the present ones.
  bool support_any(const std::vector<MemberProtocol>& protocols) const;
  // The protocol that all support and most prefer; on a tie, the one preferred by the oldest member. Expects members.
  std::string select_protocol() const;
  std::int32_t max_rebalance_timeout_ms() const;

  std::size_t size() const { return members_.size(); }
  bool empty() const { return members_.empty(); }
  std::list<Member>& all() { return members_; }
  const std::list<Member>& all() const { return members_; }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Iterator = std::list<Member>::iterator;

  void count_protocols(const Member& member, int by);

  std::list<Member> members_;
  std::unordered_map<std::string, Iterator, TextHash, std::equal_to<>> by_id_;
  std::map<std::string, std::string, std::less<>> static_ids_;  // instance id -> member id
  std::map<std::string, std::int64_t, std::less<>> pending_;
  std::map<std::string, std::size_t, std::less<>> protocol_counts_;
  std::string leader_id_;
  std::size_t parked_joins_ = 0;
  std::size_t owed_syncs_ = 0;
};

// The topics that a consumer's subscription (ConsumerProtocolSubscription, any version) names; nothing if it is
// malformed.
std::optional<std::vector<std::string>> subscribed_topics(std::string_view subscription);

}  // namespace coordination::group
