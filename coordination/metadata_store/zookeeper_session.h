// MetadataStore on ZooKeeper: blocking calls with retries over a ZooKeeperClient, and the change from an expired
// session to a new one. See zookeeper_store.h for threads. Self-locking.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "coordination/metadata_store/callback_thread.h"
#include "coordination/metadata_store/metadata_store.h"
#include "coordination/metadata_store/zookeeper_client.h"
#include "coordination/metadata_store/zookeeper_store.h"
#include "protocol/mutex.h"

namespace coordination::metadata_store {

class ZooKeeperSession final : public MetadataStore {
 public:
  static protocol::Result<std::unique_ptr<ZooKeeperSession>> open(const ZooKeeperOptions& options);
  ~ZooKeeperSession() override;

  StoreResult<std::string> create(const std::string& path, const std::string& data, CreateMode mode) override;
  StoreResult<Node> get(const std::string& path, Watch watch = {}) override;
  StoreResult<Stat> set(const std::string& path, const std::string& data, std::int32_t expected_version) override;
  StoreResult<void> remove(const std::string& path, std::int32_t expected_version) override;
  StoreResult<std::optional<Stat>> exists(const std::string& path, Watch watch = {}) override;
  StoreResult<std::vector<std::string>> children(const std::string& path, Watch watch = {}) override;
  TransactionResult multi(const Transaction& steps) override;
  std::vector<TransactionResult> multi_each(std::span<const Transaction> transactions) override;
  std::vector<StoreResult<Node>> get_each(std::span<const std::string> paths) override;
  std::int64_t session_id() const override;
  void on_session_event(std::function<void(SessionEvent)> listener) override;
  StoreResult<void> renew_session() override;
  void close() override;

  // Makes the server at this address end the session, and waits until it did; false: it didn't.
  bool expire_for_test(const std::string& address);
  bool expire_for_test() { return expire_for_test(options_.connect); }

 private:
  using Client = std::shared_ptr<ZooKeeperClient>;

  explicit ZooKeeperSession(ZooKeeperOptions options);
  Client connect();  // null: closed
  Client client() const;
  void on_event(std::int64_t generation, SessionEvent event);

  // Repeats `send` while the connection is lost; `lost` tells `settle` whether an earlier try may have succeeded.
  template <typename Outcome, typename Send>
  Outcome call(Send send, bool& lost);

  TransactionResult multi_with_retries(const Transaction& steps, bool lost);
  std::optional<OperationResult> find_done(const Operation& step);
  std::optional<std::vector<OperationResult>> find_done(const Transaction& steps);

  const ZooKeeperOptions options_;
  mutable protocol::Mutex mutex_;
  bool closed_ GUARDED_BY(mutex_) = false;
  Client client_ GUARDED_BY(mutex_);  // null: closed
  std::shared_future<void> client_ended_ GUARDED_BY(mutex_);
  std::int64_t generation_ GUARDED_BY(mutex_) = 0;  // of the client; owner of its callbacks
  std::function<void(SessionEvent)> listener_ GUARDED_BY(mutex_);
  CallbackThread callbacks_;  // last: what it calls uses everything above
};

}  // namespace coordination::metadata_store
