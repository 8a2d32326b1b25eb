# The HTTP side: health and metrics.
broker_part(http
  SOURCES
    http/beast.cc
    http/http_server.cc
  TESTS
    http/http_server_test.cc
  USES broker_config
)
target_compile_definitions(broker_http PRIVATE BOOST_BEAST_SEPARATE_COMPILATION)
