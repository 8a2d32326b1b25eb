// What the broker knows about one client connection: who, from where, through which listener.
// Owned by the connection; written and read on its network thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace broker {

struct ConnectionInfo {
  std::uint64_t id = 0;  // unique in this process
  std::string listener_name = "PLAINTEXT";
  std::string security_protocol = "PLAINTEXT";
  std::string principal = "User:ANONYMOUS";
  std::string client_address = "/127.0.0.1";  // as Java prints an InetAddress; goes into DescribeGroups and logs
  std::string client_ip = "127.0.0.1";        // the same without decoration, for limits per address
  std::uint16_t client_port = 0;
  std::string local_host = "127.0.0.1";  // the address and port that the client came in on
  std::uint16_t local_port = 0;
  bool inter_broker_listener = true;
  std::string software_name = "unknown";  // from ApiVersions (KIP-511)
  std::string software_version = "unknown";
  bool has_arrived = false;  // sent its first request
  bool is_watched = false;   // the AddressWatch wants to know what it does next
  // Topics that this client deleted and hasn't asked for since; handlers/metadata.cc. Not more than a hundred.
  std::vector<std::string> deleted_topics;
};

}  // namespace broker
