#include "coordination/metadata_store/cutting_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace coordination::metadata_store {
namespace {

sockaddr_in address(const std::string& host, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  inet_pton(AF_INET, host.c_str(), &result.sin_addr);
  return result;
}

// Moves what is there from one socket to the other. False: one of them is closed.
bool forward(int from, int to) {
  std::array<char, 65536> buffer;
  const ssize_t got = recv(from, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  for (ssize_t sent = 0; sent < got;) {
    const ssize_t part = send(to, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
    if (part <= 0) return false;
    sent += part;
  }
  return true;
}

}  // namespace

CuttingProxy::CuttingProxy(const std::string& server)
    : host_(server.substr(0, server.find(':'))),
      server_port_(static_cast<std::uint16_t>(std::stoi(server.substr(server.find(':') + 1)))) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any = address("127.0.0.1", 0);
  socklen_t size = sizeof any;
  auto* raw = reinterpret_cast<sockaddr*>(&any);
  if (listener_ < 0 || bind(listener_, raw, size) != 0 || listen(listener_, 8) != 0 ||
      getsockname(listener_, raw, &size) != 0) {
    throw std::runtime_error("the proxy has no socket");
  }
  port_ = ntohs(any.sin_port);
  thread_ = std::thread([this] { run(); });
}

CuttingProxy::~CuttingProxy() {
  go_down();
  thread_.join();
}

int CuttingProxy::connect_to_server() const {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in where = address(host_, server_port_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) return server;
  close(server);
  return -1;
}

// One connection after the other: the client under test has only one.
void CuttingProxy::run() {
  while (!down_) {
    pollfd waiting{.fd = listener_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 50) <= 0) continue;
    const int client = accept(listener_, nullptr, nullptr);
    if (client >= 0) serve(client);
  }
  close(listener_);
}

void CuttingProxy::serve(int client) {
  const int server = connect_to_server();
  bool requested = false;  // a request passed since the answers were to be lost
  while (server >= 0 && !down_) {
    std::array<pollfd, 2> both = {pollfd{.fd = client, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = server, .events = POLLIN, .revents = 0}};
    if (poll(both.data(), both.size(), 50) <= 0) continue;
    if (both[0].revents != 0) {
      requested = lose_;
      if (!forward(client, server)) break;
    }
    if (both[1].revents != 0) {
      if (requested && lose_) {
        lose_ = false;
        ++lost_;
        break;
      }
      if (!forward(server, client)) break;
    }
  }
  if (server >= 0) close(server);
  close(client);
}

}  // namespace coordination::metadata_store
