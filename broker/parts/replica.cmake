# Partitions, the replica manager, fetch sessions, and the handlers of the byte path.
broker_part(replica
  SOURCES
    handlers/delete_records.cc
    handlers/describe_log_dirs.cc
    handlers/describe_producers.cc
    handlers/fetch.cc
    handlers/fetch_conversion.cc
    handlers/fetch_translation.cc
    handlers/init_producer_id.cc
    handlers/list_offsets.cc
    handlers/offset_for_leader_epoch.cc
    handlers/produce.cc
    producer_ids.cc
    replication/fetch_session.cc
    replication/local_broker_channel.cc
    replication/partition.cc
    replication/partition_append.cc
    replication/partition_read.cc
    replication/replica_manager.cc
    replication/retention_notices.cc
    replication/wait.cc
    replication/waiters.cc
  TESTS
    handlers/delete_records_test.cc
    handlers/fetch_test.cc
    handlers/init_producer_id_test.cc
    handlers/list_offsets_test.cc
    handlers/log_queries_test.cc
    handlers/produce_test.cc
    producer_ids_test.cc
    replication/fetch_session_test.cc
    replication/partition_test.cc
    replication/replica_manager_test.cc
    replication/retention_notices_test.cc
  USES broker_metadata storage
)
barnabas_benchmark(byte_path_benchmark SOURCES handlers/byte_path_benchmark.cc USES broker_replica GTest::gtest)
