# What the broker knows of the cluster.
broker_part(metadata
  SOURCES
    metadata_cache.cc
  TESTS
    metadata_cache_test.cc
    persistent_map_test.cc
  USES coordination
)
