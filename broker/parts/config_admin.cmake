# Requests that describe and change configurations, and how changes reach this broker.
broker_part(config_admin
  SOURCES
    config/config_admin.cc
    config/config_repository.cc
    config/config_sync.cc
    config/loggers.cc
    config/quota_admin.cc
    config/quota_sync.cc
    config/topic_configs.cc
    handlers/alter_client_quotas.cc
    handlers/alter_configs.cc
    handlers/describe_client_quotas.cc
    handlers/describe_configs.cc
    handlers/describe_user_scram_credentials.cc
    handlers/incremental_alter_configs.cc
    handlers/list_config_resources.cc
  TESTS
    config/config_admin_test.cc
    config/loggers_test.cc
    config/quota_admin_test.cc
    config/topic_configs_test.cc
    handlers/alter_configs_test.cc
    handlers/describe_configs_test.cc
    handlers/list_config_resources_test.cc
  USES broker_config broker_metadata cluster storage
)
