// A TCP proxy on the loopback that can lose an answer (the request reaches the server, and then both connections
// break), or go down for good. For tests of what a client does when it doesn't know whether a write happened. Owns its
// thread; self-locking.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace coordination::metadata_store {

class CuttingProxy {
 public:
  // Forwards to host:port ("127.0.0.1:2181"). Throws std::runtime_error when no socket can be had.
  explicit CuttingProxy(const std::string& server);
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;
  ~CuttingProxy();

  std::uint16_t port() const { return port_; }

  // The answer to the next request is dropped, and the connection with it.
  void lose_next_answer() { lose_ = true; }

  // Breaks the connections and takes no more of them.
  void go_down() { down_ = true; }

  // How many answers were lost so far.
  int lost() const { return lost_; }

 private:
  void run();
  void serve(int client);
  int connect_to_server() const;

  const std::string host_;
  const std::uint16_t server_port_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> lose_ = false;
  std::atomic<int> lost_ = 0;
  std::atomic<bool> down_ = false;
  std::thread thread_;
};

}  // namespace coordination::metadata_store
