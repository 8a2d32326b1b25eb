# Frames, connections, listeners, dispatch, metrics.
broker_part(server
  SOURCES
    dispatch.cc
    handlers/api_versions.cc
    metrics/metrics.cc
    network/buffer_pool.cc
    network/connection.cc
    network/connection_quotas.cc
    network/foreign_protocol.cc
    network/input_buffer.cc
    network/listener.cc
    network/memory_budget.cc
    network/network_thread.cc
    network/response_queue.cc
    network/server.cc
    network/socket.cc
    request_header.cc
  TESTS
    dispatch_test.cc
    metrics/metrics_test.cc
    network/buffer_pool_test.cc
    network/input_buffer_test.cc
    network/limits_test.cc
    network/server_test.cc
  USES broker_config
)
