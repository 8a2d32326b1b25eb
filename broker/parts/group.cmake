# The group coordinator's shell and the handlers of the group APIs.
broker_part(group
  SOURCES
    group_coordinator.cc
    groups/coordinated_partition.cc
    groups/internal_topics.cc
    groups/partition_offsets_log.cc
    groups/pending_calls.cc
    groups/shard_runner.cc
    groups/store_offsets.cc
    handlers/delete_groups.cc
    handlers/describe_groups.cc
    handlers/find_coordinator.cc
    handlers/heartbeat.cc
    handlers/join_group.cc
    handlers/leave_group.cc
    handlers/list_groups.cc
    handlers/offset_commit.cc
    handlers/offset_delete.cc
    handlers/offset_fetch.cc
    handlers/sync_group.cc
  TESTS
    groups/group_coordinator_test.cc
    handlers/group_handlers_test.cc
  USES broker_config broker_metadata broker_replica cluster coordination_group metadata_store storage
)
