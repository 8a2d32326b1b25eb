// The group and connection load of `tools/dev bench`: classic consumer groups on raw connections, one a member, as a
// real consumer would have it.
//
//   group_load join PORT GROUP MEMBERS     all join, then all rebalance once; each member heartbeats every 50 ms
//   group_load heartbeat PORT GROUP COUNT  COUNT heartbeats of one member, 16 in flight
//   group_load commit PORT GROUP COUNT     COUNT commits of one partition by one member, 16 in flight
//   group_load connections PORT COUNT      opens COUNT connections, one ApiVersions request each, holds them until
//                                          its standard input ends
//
// Prints one line of JSON. Every wait is bounded by a minute.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "protocol/messages/api_versions.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/sync_group.h"
#include "tools/bench/connection.h"

namespace {

using bench::Connection;
using bench::frame_of;
using bench::response_of;
using protocol::ErrorCode;
using protocol::String;
using Clock = std::chrono::steady_clock;

constexpr protocol::ApiVersion join_version = 5;
constexpr protocol::ApiVersion sync_version = 3;
constexpr protocol::ApiVersion heartbeat_version = 3;
constexpr protocol::ApiVersion commit_version = 7;
constexpr protocol::ApiVersion find_version = 2;
constexpr auto patience = std::chrono::seconds(60);
constexpr auto heartbeat_interval = std::chrono::milliseconds(50);

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

[[noreturn]] void refused(std::string_view what, ErrorCode error) {
  throw std::runtime_error(std::string(what) + ": " + std::string(protocol::name(error)));
}

// The first request for a coordinator also makes __consumer_offsets; that is not what is measured.
void await_coordinator(std::uint16_t port, const std::string& group) {
  Connection connection(port);
  protocol::FindCoordinatorRequest request;
  request.key = String(group);
  for (const auto begin = Clock::now(); Clock::now() - begin < patience; ::usleep(50'000)) {
    connection.send(frame_of(request, find_version));
    const auto answer = response_of<protocol::FindCoordinatorResponse>(connection.receive(), find_version);
    if (answer.error_code == ErrorCode::none) return;
  }
  throw std::runtime_error("no coordinator for group " + group);
}

class Member {
 public:
  enum class State { joining, syncing, stable, heartbeating };

  Member(std::uint16_t port, std::string group) : connection_(port), group_(std::move(group)) {}

  Connection& connection() { return connection_; }
  State state() const { return state_; }
  std::int32_t generation() const { return generation_; }
  // The members that the leader of the generation was told of; 0 for the others.
  std::size_t members_led() const { return members_led_; }

  void join() {
    protocol::JoinGroupRequest request;
    request.group_id = String(group_);
    request.session_timeout_ms = 30'000;
    request.rebalance_timeout_ms = 60'000;
    request.member_id = String(id_);
    request.protocol_type = String("consumer");
    auto& offered = request.protocols.emplace_back();
    offered.name = String("range");
    offered.metadata = protocol::ByteString(protocol::Bytes(subscription_));
    connection_.send(frame_of(request, join_version));
    state_ = State::joining;
  }

  void heartbeat_if_due() {
    if (state_ != State::stable || Clock::now() < next_heartbeat_) return;
    connection_.send(heartbeat_frame());
    state_ = State::heartbeating;
  }

  bench::Buffer heartbeat_frame() const {
    protocol::HeartbeatRequest request;
    request.group_id = String(group_);
    request.generation_id = generation_;
    request.member_id = String(id_);
    return frame_of(request, heartbeat_version);
  }

  bench::Buffer commit_frame() const {
    protocol::OffsetCommitRequest request;
    request.group_id = String(group_);
    request.generation_id_or_member_epoch = generation_;
    request.member_id = String(id_);
    auto& topic = request.topics.emplace_back();
    topic.name = String("committed");
    topic.partitions.emplace_back().committed_offset = 1;
    return frame_of(request, commit_version);
  }

  // Takes the answer that waits on the connection, and does what a consumer does next.
  void step() {
    const protocol::Bytes frame = connection_.receive();
    switch (state_) {
      case State::joining:
        return joined(response_of<protocol::JoinGroupResponse>(frame, join_version));
      case State::syncing:
        return synced(response_of<protocol::SyncGroupResponse>(frame, sync_version));
      case State::heartbeating:
        return beaten(response_of<protocol::HeartbeatResponse>(frame, heartbeat_version));
      case State::stable:
        throw std::runtime_error("an answer to no request");
    }
  }

 private:
  void joined(const protocol::JoinGroupResponse& answer) {
    if (answer.error_code == ErrorCode::member_id_required) {
      id_ = answer.member_id.view();
      return join();
    }
    if (answer.error_code != ErrorCode::none) refused("JoinGroup", answer.error_code);
    id_ = answer.member_id.view();
    generation_ = answer.generation_id;
    members_led_ = answer.members.size();
    protocol::SyncGroupRequest request;
    request.group_id = String(group_);
    request.generation_id = generation_;
    request.member_id = String(id_);
    for (const auto& member : answer.members) {
      auto& assigned = request.assignments.emplace_back();
      assigned.member_id = member.member_id;
      assigned.assignment = protocol::ByteString(protocol::Bytes(subscription_));
    }
    connection_.send(frame_of(request, sync_version));
    state_ = State::syncing;
  }

  void synced(const protocol::SyncGroupResponse& answer) {
    if (answer.error_code == ErrorCode::rebalance_in_progress) return join();
    if (answer.error_code != ErrorCode::none) refused("SyncGroup", answer.error_code);
    state_ = State::stable;
    next_heartbeat_ = Clock::now() + heartbeat_interval;
  }

  void beaten(const protocol::HeartbeatResponse& answer) {
    if (answer.error_code == ErrorCode::rebalance_in_progress) return join();
    if (answer.error_code != ErrorCode::none) refused("Heartbeat", answer.error_code);
    state_ = State::stable;
    next_heartbeat_ = Clock::now() + heartbeat_interval;
  }

  Connection connection_;
  std::string group_;
  std::string id_;
  bench::Buffer subscription_ = bench::Buffer(50);
  State state_ = State::stable;
  std::int32_t generation_ = -1;
  std::size_t members_led_ = 0;
  Clock::time_point next_heartbeat_;
};

using Members = std::vector<std::unique_ptr<Member>>;

// One generation that all are members of, and none waits for anything but heartbeats.
bool settled(const Members& members, std::int32_t generation_min) {
  std::size_t led = 0;
  for (const auto& member : members) {
    const bool at_rest = member->state() == Member::State::stable || member->state() == Member::State::heartbeating;
    if (!at_rest || member->generation() != members.front()->generation()) return false;
    led = std::max(led, member->members_led());
  }
  return led == members.size() && members.front()->generation() >= generation_min;
}

// Lets the members answer until they have settled in a generation of at least `generation_min`.
void settle(Members& members, std::int32_t generation_min) {
  std::vector<pollfd> polled;
  for (const auto& member : members) polled.push_back({member->connection().descriptor(), POLLIN, 0});
  for (const auto begin = Clock::now(); Clock::now() - begin < patience;) {
    if (::poll(polled.data(), polled.size(), 1) < 0) throw std::runtime_error("poll failed");
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents != 0) members[i]->step();
    }
    if (settled(members, generation_min)) return;
    for (const auto& member : members) member->heartbeat_if_due();
  }
  throw std::runtime_error("the group did not settle within a minute");
}

void join(std::uint16_t port, const std::string& group, std::size_t count) {
  Members members;
  for (std::size_t i = 0; i < count; ++i) members.push_back(std::make_unique<Member>(port, group));
  const auto begin = Clock::now();
  for (const auto& member : members) member->join();
  settle(members, 0);
  const double join_seconds = seconds_since(begin);

  // An answer to a heartbeat may be under way to the one that asks again.
  for (const auto& member : members) {
    if (member->state() == Member::State::heartbeating) member->step();
  }
  const auto again = Clock::now();
  const std::int32_t generation = members.front()->generation();
  for (const auto& member : members) {
    if (member->members_led() > 0 && member->state() == Member::State::stable) member->join();
  }
  settle(members, generation + 1);
  std::printf("{\"join_seconds\": %.4f, \"rebalance_seconds\": %.4f}\n", join_seconds, seconds_since(again));
}

// `count` times `frame` with sixteen in flight; the error of each answer is read at `error_position`.
template <typename Response>
void pipelined(Connection& connection, const bench::Buffer& frame, std::size_t count, protocol::ApiVersion version) {
  constexpr std::size_t window = 16;
  const auto begin = Clock::now();
  std::size_t sent = 0;
  for (std::size_t answered = 0; answered < count; ++answered) {
    for (; sent < count && sent - answered < window; ++sent) connection.send(frame);
    const auto answer = response_of<Response>(connection.receive(), version);
    if constexpr (requires { answer.error_code; }) {
      if (answer.error_code != ErrorCode::none) refused("Heartbeat", answer.error_code);
    } else {
      const ErrorCode error = answer.topics.at(0).partitions.at(0).error_code;
      if (error != ErrorCode::none) refused("OffsetCommit", error);
    }
  }
  std::printf("{\"requests\": %zu, \"seconds\": %.3f}\n", count, seconds_since(begin));
}

void one_member(std::uint16_t port, const std::string& group, std::string_view what, std::size_t count) {
  Members members;
  members.push_back(std::make_unique<Member>(port, group));
  members.front()->join();
  settle(members, 0);
  Member& member = *members.front();
  if (member.state() == Member::State::heartbeating) member.step();
  if (what == "heartbeat") {
    pipelined<protocol::HeartbeatResponse>(member.connection(), member.heartbeat_frame(), count, heartbeat_version);
  } else {
    pipelined<protocol::OffsetCommitResponse>(member.connection(), member.commit_frame(), count, commit_version);
  }
}

void hold_connections(std::uint16_t port, std::size_t count) {
  const bench::Buffer frame = frame_of(protocol::ApiVersionsRequest{}, 0);
  const auto begin = Clock::now();
  std::vector<std::unique_ptr<Connection>> connections;
  for (std::size_t i = 0; i < count; ++i) {
    connections.push_back(std::make_unique<Connection>(port));
    connections.back()->send(frame);
    connections.back()->receive();
  }
  std::printf("{\"connections\": %zu, \"seconds\": %.3f}\n", count, seconds_since(begin));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 3 ? argv[1] : "";
  try {
    const auto port = static_cast<std::uint16_t>(argc > 2 ? std::atoi(argv[2]) : 0);
    if (what == "connections") {
      hold_connections(port, std::strtoull(argv[3], nullptr, 10));
      return 0;
    }
    if (argc < 5 || (what != "join" && what != "heartbeat" && what != "commit")) {
      std::fprintf(stderr, "usage: group_load join|heartbeat|commit PORT GROUP COUNT | connections PORT COUNT\n");
      return 2;
    }
    const std::size_t count = std::strtoull(argv[4], nullptr, 10);
    await_coordinator(port, argv[3]);
    what == "join" ? join(port, argv[3], count) : one_member(port, argv[3], what, count);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "group_load: %s\n", problem.what());
    return 1;
  }
  return 0;
}
