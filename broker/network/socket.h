// Socket options and addresses: the few system calls around a TCP socket that Asio has no words for.
// Pure functions on file descriptors.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace broker {

struct SocketAddress {
  std::string
      host;  // IPv4 in dotted form, IPv6 in full or short form as asked; an IPv4 client of an IPv6 socket is IPv4
  std::uint16_t port = 0;
  bool loopback = false;
};

SocketAddress describe_address(const sockaddr_storage& address);
SocketAddress local_address(int fd);
SocketAddress peer_address(int fd);

// As Java prints an InetAddress without a host name: "/127.0.0.1", "/0:0:0:0:0:0:0:1".
std::string java_address(const sockaddr_storage& address);

// The system's default congestion control, "" when it can't be read.
std::string default_congestion_control();

// The congestion control for loopback connections, where pacing only costs (bbr: 2.5 times the CPU of cubic): "cubic"
// or "reno" when the system's default is a pacing one and one of them can be had, else "" for the default.
std::string loopback_congestion_control(std::string_view system_default);

struct SocketSettings {
  std::int32_t send_buffer_bytes = -1;     // -1: the system's, which grows by itself
  std::int32_t receive_buffer_bytes = -1;  // -1: the system's
  std::string loopback_congestion;         // "": as the system has it
};

// For an accepted connection: no delay, keep-alive, buffers, congestion control.
void apply_settings(int fd, const SocketSettings& settings, bool loopback);

}  // namespace broker
