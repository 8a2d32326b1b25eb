# Handlers that describe and change topics and the cluster.
broker_part(admin
  SOURCES
    handlers/alter_partition_reassignments.cc
    handlers/auto_topics.cc
    handlers/create_partitions.cc
    handlers/create_topics.cc
    handlers/delete_topics.cc
    handlers/describe_cluster.cc
    handlers/describe_topic_partitions.cc
    handlers/elect_leaders.cc
    handlers/list_partition_reassignments.cc
    handlers/metadata.cc
    handlers/topic_changes.cc
    handlers/update_features.cc
    handlers/without_security.cc
  TESTS
    handlers/metadata_test.cc
    handlers/partition_admin_handlers_test.cc
    handlers/throttled_changes_test.cc
    handlers/topic_handlers_test.cc
    handlers/without_security_test.cc
  USES broker_config broker_metadata coordination
)
