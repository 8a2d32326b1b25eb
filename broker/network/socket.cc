#include "broker/network/socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

namespace broker {
namespace {

void set_option(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof(value)); }

bool set_congestion(int fd, std::string_view name) {
  return ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) == 0;
}

const in6_addr* v6_of(const sockaddr_storage& address) {
  return &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
}

// The IPv4 address, when it is one, on an IPv4 or an IPv6 socket.
bool v4_of(const sockaddr_storage& address, in_addr& out) {
  if (address.ss_family == AF_INET) {
    out = reinterpret_cast<const sockaddr_in&>(address).sin_addr;
    return true;
  }
  if (address.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(v6_of(address))) return false;
  std::memcpy(&out, v6_of(address)->s6_addr + 12, sizeof(out));
  return true;
}

std::uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

SocketAddress describe_address(const sockaddr_storage& address) {
  SocketAddress out{.host = {}, .port = port_of(address), .loopback = false};
  char text[INET6_ADDRSTRLEN] = {};
  in_addr v4{};
  if (v4_of(address, v4)) {
    ::inet_ntop(AF_INET, &v4, text, sizeof(text));
    out.loopback = (ntohl(v4.s_addr) >> 24) == 127;
  } else if (address.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, v6_of(address), text, sizeof(text));
    out.loopback = IN6_IS_ADDR_LOOPBACK(v6_of(address));
  }
  out.host = text;
  return out;
}

SocketAddress local_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return describe_address(address);
}

SocketAddress peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return describe_address(address);
}

std::string java_address(const sockaddr_storage& address) {
  in_addr v4{};
  if (address.ss_family != AF_INET6 || v4_of(address, v4)) return "/" + describe_address(address).host;
  const std::uint8_t* bytes = v6_of(address)->s6_addr;
  std::string out = "/";
  for (int i = 0; i < 16; i += 2) out += fmt::format("{}{:x}", i == 0 ? "" : ":", bytes[i] << 8 | bytes[i + 1]);
  return out;
}

std::string default_congestion_control() {
  std::ifstream file("/proc/sys/net/ipv4/tcp_congestion_control");
  std::string name;
  file >> name;
  return name;
}

std::string loopback_congestion_control(std::string_view system_default) {
  if (!system_default.starts_with("bbr")) return {};
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string found;
  for (const char* name : {"cubic", "reno"}) {
    if (fd >= 0 && found.empty() && set_congestion(fd, name)) found = name;
  }
  if (fd >= 0) ::close(fd);
  return found;
}

void apply_settings(int fd, const SocketSettings& settings, bool loopback) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (settings.send_buffer_bytes >= 0) set_option(fd, SOL_SOCKET, SO_SNDBUF, settings.send_buffer_bytes);
  if (settings.receive_buffer_bytes >= 0) set_option(fd, SOL_SOCKET, SO_RCVBUF, settings.receive_buffer_bytes);
  if (loopback && !settings.loopback_congestion.empty()) set_congestion(fd, settings.loopback_congestion);
}

}  // namespace broker
