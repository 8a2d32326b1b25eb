// One handle of the ZooKeeper C client: a session from its opening to its expiry or close, with asynchronous calls
// turned into blocking ones. No retries here; ZooKeeperSession has them.
//
// Self-locking; any thread except the C client's own two. Watches and events are handed to `deliver` on the C client's
// completion thread; it must only pass them on.
#pragma once

#include <zookeeper/zookeeper.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>

#include "coordination/metadata_store/metadata_store.h"
#include "protocol/mutex.h"

namespace coordination::metadata_store {

// The one place where ZooKeeper's codes become ours.
StoreError to_store_error(int zookeeper_code);

class ZooKeeperClient {
 public:
  using Deliver = std::function<void(std::function<void()>)>;

  ZooKeeperClient(const std::string& connect, std::int32_t session_timeout_ms, Deliver deliver,
                  std::function<void(SessionEvent)> on_event);
  ZooKeeperClient(const ZooKeeperClient&) = delete;
  ZooKeeperClient& operator=(const ZooKeeperClient&) = delete;
  ~ZooKeeperClient();  // closes the session

  // Nobody waits for the connection any more, now or later. The session ends with the object.
  void shut_down() EXCLUDES(mutex_);

  // Whether the connect string could be used at all.
  bool is_open() const { return handle_ != nullptr; }

  // Waits for the connection. Errors: session_expired, also when shut down; connection_loss when the time is over (0:
  // it never is), or `stop` says so.
  StoreResult<void> wait_connected(std::int32_t timeout_ms, const std::stop_token& stop = {}) EXCLUDES(mutex_);

  // Calls of the C client. Each returns at once with a ZooKeeper code; with ZOK `done` is called later on the
  // completion thread, with the outcome.
  int create(const Operation& operation, std::function<void(StoreResult<std::string>)> done);
  int set(const Operation& operation, std::function<void(StoreResult<Stat>)> done);
  int remove(const Operation& operation, std::function<void(StoreResult<void>)> done);
  int get(const std::string& path, Watch watch, std::function<void(StoreResult<Node>)> done);
  int exists(const std::string& path, Watch watch, std::function<void(StoreResult<std::optional<Stat>>)> done);
  int children(const std::string& path, Watch watch, std::function<void(StoreResult<std::vector<std::string>>)> done);
  int multi(const Transaction& steps, std::function<void(TransactionResult)> done);

  std::int64_t session_id() const;

  // Opens and closes a second connection to this session, upon which the server ends it.
  void expire_for_test(const std::string& connect);

 private:
  enum class State { connecting, connected, expired, closed };
  struct WatchContext;

  static void on_session_event(zhandle_t*, int type, int state, const char* path, void* context);
  static void on_watch(zhandle_t*, int type, int state, const char* path, void* context);
  WatchContext* add_watch(Watch watch) EXCLUDES(mutex_);
  void drop_watch(WatchContext* context) EXCLUDES(mutex_);
  void change_state(int zookeeper_state) EXCLUDES(mutex_);

  const Deliver deliver_;
  const std::function<void(SessionEvent)> on_event_;
  zhandle_t* handle_ = nullptr;
  mutable protocol::Mutex mutex_;
  std::condition_variable_any changed_;
  State state_ GUARDED_BY(mutex_) = State::connecting;
  // Watches that haven't fired: the C client knows them by their address.
  std::unordered_map<WatchContext*, std::unique_ptr<WatchContext>> watches_ GUARDED_BY(mutex_);
};

}  // namespace coordination::metadata_store
