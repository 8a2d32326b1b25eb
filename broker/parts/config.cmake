# The configuration: tables, parsing, typed snapshots, dynamic layers.
broker_part(config
  SOURCES
    config/broker_config.cc
    config/broker_config_check.cc
    config/config_entry.cc
    config/definition.cc
    config/dynamic_config.cc
    config/endpoint.cc
    config/environment.cc
    config/properties.cc
    config/sources.cc
    config/synonyms.cc
    config/table_group.cc
    config/table_kraft.cc
    config/table_log.cc
    config/table_network.cc
    config/table_own.cc
    config/table_remote.cc
    config/table_replication.cc
    config/table_security.cc
    config/table_server.cc
    config/table_ssl.cc
    config/table_topic.cc
    config/table_transaction.cc
    config/table_zookeeper.cc
    config/text.cc
    config/topic_config.cc
    config/validate.cc
  TESTS
    config/broker_config_test.cc
    config/config_entry_test.cc
    config/definition_test.cc
    config/dynamic_config_test.cc
    config/endpoint_test.cc
    config/properties_test.cc
    config/sources_test.cc
    config/topic_config_test.cc
)

# Our side of compat-tests/config.
if(BARNABAS_TESTS)
  add_executable(config_interop config/interop.cc)
  target_link_libraries(config_interop PRIVATE broker_config)
endif()
