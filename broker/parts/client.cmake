# A client over the same codec, for the command-line tools. No Asio: it blocks.
barnabas_library(broker_client
  SOURCES
    client/address.cc
    client/cluster.cc
    client/connection.cc
  USES protocol
)
barnabas_test(broker_client_test
  SOURCES
    client/address_test.cc
    client/connection_test.cc
  USES broker_client
)
