#include "coordination/group/members.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "protocol/bytes.h"
#include "protocol/wire.h"

namespace coordination::group {

const std::string& Member::metadata(std::string_view protocol) const {
  static const std::string none;
  for (const MemberProtocol& known : protocols) {
    if (known.name == protocol) return known.metadata;
  }
  return none;
}

Member* Members::find(std::string_view id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

const Member* Members::find(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

const std::string* Members::find_static(std::string_view instance_id) const {
  const auto found = static_ids_.find(instance_id);
  return found == static_ids_.end() ? nullptr : &found->second;
}

Member& Members::add(Member member) {
  assert(!by_id_.contains(member.id));
  assert(!member.instance_id || !static_ids_.contains(*member.instance_id));
  if (const auto pending = pending_.find(member.id); pending != pending_.end()) pending_.erase(pending);
  if (member.instance_id) static_ids_.emplace(*member.instance_id, member.id);
  if (leader_id_.empty()) leader_id_ = member.id;
  members_.push_back(std::move(member));
  const Iterator added = std::prev(members_.end());
  by_id_.emplace(added->id, added);
  count_protocols(*added, 1);
  return *added;
}

std::optional<Member> Members::remove(std::string_view id) {
  if (const auto pending = pending_.find(id); pending != pending_.end()) {
    pending_.erase(pending);
    return std::nullopt;
  }
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  const Iterator position = found->second;
  Member member = std::move(*position);
  by_id_.erase(found);
  members_.erase(position);
  count_protocols(member, -1);
  if (member.parked_join) --parked_joins_;
  if (member.owes_sync) --owed_syncs_;
  if (member.instance_id) static_ids_.erase(*member.instance_id);
  if (leader_id_ == member.id) leader_id_ = members_.empty() ? std::string() : members_.front().id;
  return member;
}

Member& Members::rename(Member& member, std::string new_id) {
  assert(member.is_static());
  const auto found = by_id_.find(member.id);
  const Iterator position = found->second;
  by_id_.erase(found);
  if (leader_id_ == position->id) leader_id_ = new_id;
  static_ids_.insert_or_assign(*position->instance_id, new_id);
  position->id = std::move(new_id);
  by_id_.emplace(position->id, position);
  return *position;
}

void Members::set_protocols(Member& member, std::vector<MemberProtocol> protocols) {
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  count_protocols(member, 1);
}

void Members::park_join(Member& member, CallId call) {
  if (!member.parked_join) ++parked_joins_;
  member.parked_join = call;
}

std::optional<CallId> Members::take_join(Member& member) {
  if (member.parked_join) --parked_joins_;
  return std::exchange(member.parked_join, std::nullopt);
}

void Members::expect_sync(Member& member) {
  if (!member.owes_sync) ++owed_syncs_;
  member.owes_sync = true;
}

void Members::sync_received(Member& member) {
  if (member.owes_sync) --owed_syncs_;
  member.owes_sync = false;
}

void Members::expect_no_sync() {
  if (owed_syncs_ == 0) return;
  for (Member& member : members_) member.owes_sync = false;
  owed_syncs_ = 0;
}

bool Members::elect_joined_leader() {
  const Member* leader = find(leader_id_);
  if (leader == nullptr) return false;
  if (leader->parked_join) return true;
  const auto joined =
      std::ranges::find_if(members_, [](const Member& member) { return member.parked_join.has_value(); });
  if (joined == members_.end()) return false;
  leader_id_ = joined->id;
  return true;
}

bool Members::support_any(const std::vector<MemberProtocol>& protocols) const {
  return std::ranges::any_of(protocols, [&](const MemberProtocol& protocol) {
    const auto count = protocol_counts_.find(protocol.name);
    return (count == protocol_counts_.end() ? 0 : count->second) == members_.size();
  });
}

std::string Members::select_protocol() const {
  assert(!members_.empty());
  const auto is_common = [&](const MemberProtocol& protocol) {
    const auto count = protocol_counts_.find(protocol.name);
    return count != protocol_counts_.end() && count->second == members_.size();
  };
  std::vector<std::pair<std::string_view, std::size_t>> votes;  // in the order of the first vote
  for (const Member& member : members_) {
    const auto choice = std::ranges::find_if(member.protocols, is_common);
    if (choice == member.protocols.end()) continue;
    const auto counted = std::ranges::find(votes, choice->name, [](const auto& vote) { return vote.first; });
    if (counted == votes.end()) {
      votes.emplace_back(choice->name, 1);
    } else {
      ++counted->second;
    }
  }
  if (votes.empty()) return {};
  return std::string(std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; })->first);
}

std::int32_t Members::max_rebalance_timeout_ms() const {
  std::int32_t longest = 0;
  for (const Member& member : members_) longest = std::max(longest, member.rebalance_timeout_ms);
  return longest;
}

void Members::count_protocols(const Member& member, int by) {
  for (const MemberProtocol& protocol : member.protocols) {
    const auto count = protocol_counts_.try_emplace(protocol.name, 0).first;
    count->second += static_cast<std::size_t>(by);
    if (count->second == 0) protocol_counts_.erase(count);
  }
}

// Version 0 is the prefix of every later version, so one parser does for all.
std::optional<std::vector<std::string>> subscribed_topics(std::string_view subscription) {
  constexpr auto encoding = protocol::Encoding::classic;
  constexpr std::size_t smallest_topic = 2, topics_bytes_max = 64 << 20;
  protocol::Reader reader(protocol::as_bytes(subscription), topics_bytes_max);
  const auto version = reader.read<std::int16_t>();
  const std::int32_t count = reader.array_count(encoding, smallest_topic, "topics", false);
  reader.charge_elements(static_cast<std::size_t>(count), sizeof(std::string));
  if (!reader.ok() || version < 0) return std::nullopt;
  std::vector<std::string> topics;
  topics.reserve(static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; ++i) {
    protocol::String topic;
    reader.get(topic, encoding, "topics");
    topics.push_back(topic.str());
  }
  if (!reader.ok()) return std::nullopt;
  return topics;
}

}  // namespace coordination::group
