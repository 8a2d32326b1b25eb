# Partitions, the replica manager, fetch sessions, and the handlers of the byte path.
broker_part(replica
  SOURCES
    producer_ids.cc
    replication/fetch_session.cc
    replication/local_broker_channel.cc
    replication/partition.cc
    replication/replica_manager.cc
    replication/wait.cc
    replication/waiters.cc
  TESTS
    replication/fetch_session_test.cc
  USES broker_metadata coordination storage
)
