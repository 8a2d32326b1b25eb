// The group APIs at all their versions, through their handlers.
#include "broker/groups/group_test_environment.h"
#include "broker/handlers/delete_groups.h"
#include "broker/handlers/describe_groups.h"
#include "broker/handlers/find_coordinator.h"
#include "broker/handlers/heartbeat.h"
#include "broker/handlers/join_group.h"
#include "broker/handlers/leave_group.h"
#include "broker/handlers/list_groups.h"
#include "broker/handlers/offset_commit.h"
#include "broker/handlers/offset_delete.h"
#include "broker/handlers/offset_fetch.h"
#include "broker/handlers/repeated_answers.h"
#include "broker/handlers/sync_group.h"
#include "coordination/cluster/topic_admin.h"
#include "coordination/group/records.h"
#include "coordination/metadata_store/embedded_store.h"

namespace broker {
namespace {

using protocol::ApiVersion;
using protocol::ErrorCode;

struct GroupHandlers : testing::Test {
  // Every answer must be encodable in its version.
  template <typename H>
  typename H::Response ask(const H& handler, const typename H::Request& request, ApiVersion version) {
    auto response = env.ask(handler, request, version);
    protocol::Writer writer;
    response.encode(writer, version);
    EXPECT_TRUE(writer.ok()) << H::Request::message_name << " v" << version << ": " << writer.error().text();
    return response;
  }

  std::string stable_member(const std::string& group) {
    const std::string id = ask(join, join_request(group), 3).member_id.str();
    ask(sync, sync_request(group, id, 1, "mine"), 3);
    return id;
  }

  GroupTestEnvironment env;
  std::unique_ptr<coordination::metadata_store::EmbeddedStore> embedded =
      coordination::metadata_store::EmbeddedStore::in_memory(env.clock);
  std::unique_ptr<coordination::metadata_store::MetadataStore> store = embedded->open_session();
  JoinGroupHandler join{env.groups};
  SyncGroupHandler sync{env.groups};
  HeartbeatHandler heartbeat{env.groups};
  LeaveGroupHandler leave{env.groups};
  ListGroupsHandler list{env.groups};
  DescribeGroupsHandler describe{env.groups};
  DeleteGroupsHandler remove{env.groups};
  OffsetDeleteHandler offset_delete{env.groups, env.metadata};
  OffsetCommitHandler commit{{}, env.groups, env.metadata, *store, env.background, env.clock};
  OffsetFetchHandler fetch{env.groups, env.metadata, *store, env.background};
};

protocol::OffsetCommitRequest commit_request(const std::string& group, std::int32_t partition, std::int64_t offset) {
  protocol::OffsetCommitRequest request;
  request.group_id = group;
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  topic.topic_id = test_topic_id();
  auto& committed = topic.partitions.emplace_back();
  committed.partition_index = partition;
  committed.committed_offset = offset;
  committed.committed_metadata = protocol::String("note");
  return request;
}

protocol::OffsetFetchRequest fetch_request(const std::string& group, ApiVersion version, std::int32_t partition = 0) {
  protocol::OffsetFetchRequest request;
  if (version < 8) {
    request.group_id = group;
    auto& topic = request.topics->emplace_back();
    topic.name = "t";
    topic.partition_indexes = {partition};
  } else {
    auto& wanted = request.groups.emplace_back();
    wanted.group_id = group;
    auto& topic = wanted.topics->emplace_back();
    topic.name = "t";
    topic.topic_id = test_topic_id();
    topic.partition_indexes = {partition};
  }
  return request;
}

std::int64_t fetched(const protocol::OffsetFetchResponse& response, ApiVersion version) {
  if (version < 8) return response.topics.at(0).partitions.at(0).committed_offset;
  return response.groups.at(0).topics.at(0).partitions.at(0).committed_offset;
}

TEST_F(GroupHandlers, JoinAtEveryVersion) {
  for (ApiVersion version = 0; version <= 9; ++version) {
    const std::string group = "join" + std::to_string(version);
    auto response = ask(join, join_request(group), version);
    if (version >= 4) {
      EXPECT_EQ(response.error_code, ErrorCode::member_id_required) << version;
      response = ask(join, join_request(group, response.member_id.str()), version);
    }
    EXPECT_EQ(response.error_code, ErrorCode::none) << version;
    EXPECT_EQ(response.generation_id, 1);
    EXPECT_EQ(response.members.size(), 1u);
    EXPECT_EQ(response.protocol_name, protocol::String("range"));
  }
}

TEST_F(GroupHandlers, JoinOfAStaticMemberNeedsNoSecondRequest) {
  auto request = join_request("static");
  request.group_instance_id = protocol::String("i");
  EXPECT_EQ(ask(join, request, 5).error_code, ErrorCode::none);
}

TEST_F(GroupHandlers, VersionZeroUsesTheSessionTimeoutForRebalances) {
  auto request = join_request("old");
  request.rebalance_timeout_ms = -1;
  const std::string id = ask(join, request, 0).member_id.str();
  ask(sync, sync_request("old", id, 1, "mine"), 0);
  const auto written = env.log->batches(env.groups.partition_for("old")).back().at(0);
  const auto record = coordination::group::decode_group(protocol::as_bytes(*written.value));
  EXPECT_EQ(record->members.at(0).rebalance_timeout_ms, 10'000);
}

TEST_F(GroupHandlers, ARefusedJoinHasAnEmptyProtocolBeforeVersionSeven) {
  auto request = join_request("");
  EXPECT_EQ(ask(join, request, 6).protocol_name, protocol::String(""));
  EXPECT_FALSE(ask(join, request, 7).protocol_name);
  EXPECT_EQ(ask(join, request, 7).error_code, ErrorCode::invalid_group_id);
}

TEST_F(GroupHandlers, ARepeatedProtocolNameCountsOnce) {
  auto request = join_request("repeated");
  request.protocols.push_back(request.protocols[0]);
  EXPECT_EQ(ask(join, request, 3).error_code, ErrorCode::none);
}

TEST_F(GroupHandlers, SyncNeedsTheProtocolFromVersionFive) {
  const std::string id = ask(join, join_request("g"), 3).member_id.str();
  auto request = sync_request("g", id, 1, "mine");
  request.protocol_name.reset();
  EXPECT_EQ(ask(sync, request, 5).error_code, ErrorCode::inconsistent_group_protocol);
  for (ApiVersion version = 0; version <= 5; ++version) {
    auto complete = sync_request("g", id, 1, "mine");
    if (version < 5) complete.protocol_type = complete.protocol_name = std::nullopt;
    const auto response = ask(sync, complete, version);
    EXPECT_EQ(response.error_code, ErrorCode::none) << version;
    EXPECT_EQ(protocol::as_text(response.assignment), "mine");
  }
}

TEST_F(GroupHandlers, HeartbeatAtEveryVersion) {
  protocol::HeartbeatRequest request;
  request.group_id = "g";
  request.member_id = protocol::String(stable_member("g"));
  request.generation_id = 1;
  for (ApiVersion version = 0; version <= 4; ++version) {
    EXPECT_EQ(ask(heartbeat, request, version).error_code, ErrorCode::none);
  }
  request.generation_id = 2;
  EXPECT_EQ(ask(heartbeat, request, 4).error_code, ErrorCode::illegal_generation);
}

TEST_F(GroupHandlers, LeaveAtEveryVersion) {
  for (ApiVersion version = 0; version <= 5; ++version) {
    protocol::LeaveGroupRequest request;
    request.group_id = "g";
    const std::string id = ask(join, join_request("g"), 3).member_id.str();
    if (version < 3) {
      request.member_id = protocol::String(id);
    } else {
      request.members.emplace_back().member_id = protocol::String(id);
      request.members.emplace_back().member_id = "stranger";
    }
    const auto response = ask(leave, request, version);
    EXPECT_EQ(response.error_code, ErrorCode::none) << version;
    if (version >= 3) {
      EXPECT_EQ(response.members.at(0).error_code, ErrorCode::none);
      EXPECT_EQ(response.members.at(1).error_code, ErrorCode::unknown_member_id);
    } else {
      EXPECT_EQ(ask(leave, request, version).error_code, ErrorCode::unknown_member_id);
    }
  }
}

TEST_F(GroupHandlers, CommitAndFetchAtEveryVersion) {
  for (ApiVersion version = 0; version <= 10; ++version) {
    const auto request = commit_request("offsets", 0, 100 + version);
    const auto committed = ask(commit, request, version);
    EXPECT_EQ(committed.topics.at(0).partitions.at(0).error_code, ErrorCode::none) << version;
    const auto answer = ask(fetch, fetch_request("offsets", version), version);
    EXPECT_EQ(fetched(answer, version), 100 + version);
  }
  // Version 0 went elsewhere, and is there still.
  EXPECT_EQ(fetched(ask(fetch, fetch_request("offsets", 0), 0), 0), 100);
  EXPECT_EQ(store->get("/consumers/offsets/offsets/t/0")->data, "100");
  EXPECT_EQ(fetched(ask(fetch, fetch_request("offsets", 9), 9), 9), 110);
}

TEST_F(GroupHandlers, CommitsForUnknownTopicsAndPartitionsAreRefusedOneByOne) {
  auto request = commit_request("g", 0, 5);
  auto& other = request.topics[0].partitions.emplace_back();
  other.partition_index = 2;
  request.topics.emplace_back(request.topics[0]).name = "unknown";
  const auto response = ask(commit, request, 9);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).partitions.at(1).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics.at(1).partitions.at(0).error_code, ErrorCode::unknown_topic_or_partition);

  auto by_id = commit_request("g", 0, 5);
  by_id.topics[0].topic_id.bytes[0] = std::byte{99};
  EXPECT_EQ(ask(commit, by_id, 10).topics.at(0).partitions.at(0).error_code, ErrorCode::unknown_topic_id);
}

TEST_F(GroupHandlers, FetchOfAllTopics) {
  ask(commit, commit_request("g", 1, 7), 9);
  protocol::OffsetFetchRequest old;
  old.group_id = "g";
  old.topics.reset();
  for (ApiVersion version = 2; version < 8; ++version) EXPECT_EQ(fetched(ask(fetch, old, version), version), 7);
  protocol::OffsetFetchRequest request;
  request.groups.emplace_back().group_id = "g";
  request.groups[0].topics.reset();
  request.groups.emplace_back().group_id = "nobody";
  request.groups[1].topics.reset();
  for (ApiVersion version = 8; version <= 10; ++version) {
    const auto response = ask(fetch, request, version);
    EXPECT_EQ(fetched(response, version), 7);
    EXPECT_EQ(response.groups.at(0).topics.at(0).topic_id, version == 10 ? test_topic_id() : Uuid());
    EXPECT_TRUE(response.groups.at(1).topics.empty());
    EXPECT_EQ(response.groups.at(1).error_code, ErrorCode::none);
  }
}

TEST_F(GroupHandlers, FetchAnswersWhatIsNamedTwiceOnce) {
  for (ApiVersion version = 0; version < 8; ++version) {
    auto request = fetch_request("g", version, 0);
    request.topics->push_back(request.topics->front());
    request.topics->back().partition_indexes = {0, 1};
    const auto response = ask(fetch, request, version);
    ASSERT_EQ(response.topics.size(), 1u) << version;
    EXPECT_EQ(response.topics[0].partitions.size(), 2u) << version;
  }
}

TEST_F(GroupHandlers, FetchSaysNothingAboutTopicsWithoutPartitions) {
  for (ApiVersion version = 0; version <= 10; ++version) {
    auto request = fetch_request("g", version);
    if (version < 8) {
      request.topics->front().partition_indexes.clear();
    } else {
      request.groups[0].topics->front().partition_indexes.clear();
    }
    const auto response = ask(fetch, request, version);
    EXPECT_TRUE(version < 8 ? response.topics.empty() : response.groups.at(0).topics.empty()) << version;
  }
}

TEST_F(GroupHandlers, FetchByUnknownTopicId) {
  auto request = fetch_request("g", 10);
  request.groups[0].topics->at(0).topic_id = Uuid{};
  const auto response = ask(fetch, request, 10);
  EXPECT_EQ(response.groups.at(0).topics.at(0).partitions.at(0).error_code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(fetched(response, 10), -1);
}

TEST_F(GroupHandlers, FetchFromAnotherCoordinatorIsRefusedAsTheVersionAllows) {
  env.resign(env.groups.partition_for("g"));
  EXPECT_EQ(ask(fetch, fetch_request("g", 1), 1).topics.at(0).partitions.at(0).error_code, ErrorCode::not_coordinator);
  EXPECT_EQ(ask(fetch, fetch_request("g", 5), 5).error_code, ErrorCode::not_coordinator);
  EXPECT_EQ(ask(fetch, fetch_request("g", 8), 8).groups.at(0).error_code, ErrorCode::not_coordinator);
}

TEST_F(GroupHandlers, CommitLeavesOutKnownTopicsWithoutPartitions) {
  auto request = commit_request("g", 0, 1);
  auto& empty = request.topics.emplace_back();
  empty.name = request.topics.front().name;
  request.topics.emplace_back().name = "unheard-of";
  const auto response = ask(commit, request, 9);
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].partitions.size(), 1u);
  EXPECT_EQ(response.topics[1].name.view(), "unheard-of");
}

TEST_F(GroupHandlers, UnstableOffsetsAreShownOnlyToThoseWhoAllowIt) {
  ask(commit, commit_request("g", 0, 1), 9);
  env.log->hold();
  std::optional<protocol::OffsetCommitResponse> waits;
  env.start(commit, commit_request("g", 0, 2), 9, waits);
  auto request = fetch_request("g", 9);
  EXPECT_EQ(fetched(ask(fetch, request, 9), 9), 1);
  request.require_stable = true;
  const auto refused = ask(fetch, request, 9);
  EXPECT_EQ(refused.groups.at(0).topics.at(0).partitions.at(0).error_code, ErrorCode::unstable_offset_commit);
  env.log->finish();
  env.pump_until(waits);
  EXPECT_EQ(fetched(ask(fetch, request, 9), 9), 2);
}

TEST_F(GroupHandlers, ListFiltersByStateAndType) {
  stable_member("stable");
  ask(commit, commit_request("simple", 0, 1), 9);
  const auto count = [&](std::vector<protocol::String> states, std::vector<protocol::String> types) {
    protocol::ListGroupsRequest request;
    request.states_filter = std::move(states);
    request.types_filter = std::move(types);
    return ask(list, request, 5).groups.size();
  };
  EXPECT_EQ(count({}, {}), 2u);
  EXPECT_EQ(count({"stable"}, {}), 1u);
  EXPECT_EQ(count({"STABLE", "Empty"}, {"Classic"}), 2u);
  EXPECT_EQ(count({}, {"consumer"}), 0u);
  for (ApiVersion version = 0; version <= 3; ++version) EXPECT_EQ(ask(list, {}, version).groups.size(), 2u);
  protocol::ListGroupsRequest request;
  request.states_filter = {"Stable"};
  const auto listed = ask(list, request, 5).groups.at(0);
  EXPECT_EQ(listed.group_state, "Stable");
  EXPECT_EQ(listed.group_type, "classic");
  EXPECT_EQ(listed.protocol_type, "consumer");
}

TEST_F(GroupHandlers, DescribeAtEveryVersion) {
  const std::string id = stable_member("g");
  protocol::DescribeGroupsRequest request;
  request.groups = {"g", "nobody"};
  for (ApiVersion version = 0; version <= 6; ++version) {
    request.include_authorized_operations = version >= 3;
    const auto response = ask(describe, request, version);
    const auto& known = response.groups.at(0);
    EXPECT_EQ(known.group_state, "Stable");
    EXPECT_EQ(known.members.at(0).member_id, std::string_view(id));
    EXPECT_EQ(known.members.at(0).client_id, "test-client");
    EXPECT_EQ(known.members.at(0).client_host, "/127.0.0.1");
    EXPECT_EQ(protocol::as_text(known.members.at(0).member_assignment), "mine");
    const auto& unknown = response.groups.at(1);
    EXPECT_EQ(unknown.group_state, "Dead");
    EXPECT_EQ(unknown.error_code, version >= 6 ? ErrorCode::group_id_not_found : ErrorCode::none);
  }
}

TEST_F(GroupHandlers, TheSameLargeGroupIsNotDescribedAnyNumberOfTimes) {
  protocol::JoinGroupRequest large = join_request("g");
  large.protocols[0].metadata = protocol::ByteString(std::vector<std::byte>(1 << 20));
  const std::string id = env.ask(JoinGroupHandler(env.groups), large, 3).member_id.str();
  ASSERT_EQ(env.ask(SyncGroupHandler(env.groups), sync_request("g", id, 1), 3).error_code, ErrorCode::none);
  protocol::DescribeGroupsRequest request;
  request.groups.assign(10, "g");
  EXPECT_EQ(env.ask(DescribeGroupsHandler(env.groups), request, 5).groups.size(), 10u);
  request.groups.assign(100, "g");
  EXPECT_TRUE(env.ask(DescribeGroupsHandler(env.groups), request, 5).groups.empty());
}

TEST(RepeatedAnswers, WhatIsAskedForOnceIsAnsweredHoweverLarge) {
  RepeatedAnswers repeated;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(repeated.allow(std::to_string(i), RepeatedAnswers::bytes_max));
  EXPECT_TRUE(repeated.allow("7", RepeatedAnswers::bytes_max));
  EXPECT_FALSE(repeated.allow("8", 1));
}

TEST_F(GroupHandlers, DeleteGroupsAnswersEachOnce) {
  stable_member("busy");
  ask(commit, commit_request("idle", 0, 1), 9);
  for (ApiVersion version = 0; version <= 3; ++version) {
    if (version > 0) ask(commit, commit_request("idle", 0, 1), 9);
    protocol::DeleteGroupsRequest request;
    request.groups_names = {"busy", "idle", "nobody", "busy"};
    const auto response = ask(remove, request, version);
    ASSERT_EQ(response.results.size(), 3u);
    EXPECT_EQ(response.results[0].error_code, ErrorCode::non_empty_group);
    EXPECT_EQ(response.results[1].error_code, ErrorCode::none);
    EXPECT_EQ(response.results[2].error_code, ErrorCode::group_id_not_found);
  }
  EXPECT_EQ(fetched(ask(fetch, fetch_request("idle", 9), 9), 9), -1);
}

TEST_F(GroupHandlers, OffsetDelete) {
  ask(commit, commit_request("g", 0, 1), 9);
  protocol::OffsetDeleteRequest request;
  request.group_id = "g";
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  topic.partitions.emplace_back().partition_index = 0;
  topic.partitions.emplace_back().partition_index = 9;
  const auto response = ask(offset_delete, request, 0);
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).partitions.at(1).error_code, ErrorCode::unknown_topic_or_partition);
  // With its last offset the group itself went.
  EXPECT_EQ(ask(offset_delete, request, 0).error_code, ErrorCode::group_id_not_found);
}

struct FindCoordinator : GroupHandlers {
  coordination::cluster::TopicAdmin admin{*store, [] { return coordination::cluster::TopicAdminOptions(); },
                                          [](const auto&) { return protocol::Result<void>(); }};
  InternalTopics topics{
      {.partition_count = test_partition_count, .wait_ms = 50}, admin, env.metadata, env.background, 1};
  FindCoordinatorHandler find{env.groups, topics, [](const RequestContext& context, const BrokerMetadata& broker) {
                                const auto* endpoint = broker.endpoint(context.listener_name());
                                return std::optional(FindCoordinatorHandler::Address{endpoint->host, endpoint->port});
                              }};
};

TEST_F(FindCoordinator, NamesThePartitionsLeaderAtEveryVersion) {
  for (ApiVersion version = 0; version <= 6; ++version) {
    protocol::FindCoordinatorRequest request;
    if (version < 4) {
      request.key = "g";
      const auto response = ask(find, request, version);
      EXPECT_EQ(response.error_code, ErrorCode::none);
      EXPECT_EQ(response.node_id, 1);
      EXPECT_EQ(response.host, "broker-1");
      EXPECT_EQ(response.port, 9092);
    } else {
      request.coordinator_keys = {"g", "h"};
      const auto response = ask(find, request, version);
      ASSERT_EQ(response.coordinators.size(), 2u);
      EXPECT_EQ(response.coordinators[1].key, "h");
      EXPECT_EQ(response.coordinators[1].node_id, 1);
    }
  }
}

TEST_F(FindCoordinator, OtherKindsOfCoordinators) {
  protocol::FindCoordinatorRequest request;
  const auto code = [&](std::int8_t type, ApiVersion version) {
    request.key = "id";
    request.coordinator_keys.clear();
    if (version >= 4) request.coordinator_keys = {"id"};
    request.key_type = type;
    const auto response = ask(find, request, version);
    return version < 4 ? response.error_code : response.coordinators.at(0).error_code;
  };
  EXPECT_EQ(code(1, 3), ErrorCode::coordinator_not_available);
  EXPECT_EQ(code(1, 4), ErrorCode::coordinator_not_available);
  EXPECT_EQ(code(2, 5), ErrorCode::invalid_request);
  EXPECT_EQ(code(2, 6), ErrorCode::coordinator_not_available);
  EXPECT_EQ(code(3, 4), ErrorCode::invalid_request);
}

TEST_F(FindCoordinator, WithoutALeaderTheClientComesAgain) {
  protocol::UpdateMetadataRequest update;
  auto& topic = update.topic_states.emplace_back();
  topic.topic_name = "__consumer_offsets";
  for (std::int32_t partition = 0; partition < test_partition_count; ++partition) {
    auto& state = topic.partition_states.emplace_back();
    state.partition_index = partition;
    state.leader = -1;
  }
  auto& known = update.live_brokers.emplace_back();
  known.id = 1;
  env.metadata.update(update);
  protocol::FindCoordinatorRequest request;
  request.key = "g";
  const auto response = ask(find, request, 3);
  EXPECT_EQ(response.error_code, ErrorCode::coordinator_not_available);
  EXPECT_EQ(response.node_id, -1);
  EXPECT_EQ(response.port, -1);
}

}  // namespace
}  // namespace broker
