// ZooKeeper's data model as an interface, and nothing more: a tree of nodes with versioned data, ephemeral and
// sequential nodes, one-shot watches, atomic multi-operations and sessions. Everything above is written once against
// it.
//
// One MetadataStore object is one session, owned by one broker. Calls block until the store has answered and may come
// from any thread, watch callbacks included. Callbacks run one after the other on a thread of the store's own.
// Implementations: embedded_store.h (memory or a SQLite file) and zookeeper_store.h. Errors are those of store_error.h.
//
// Paths are absolute ("/brokers/ids/1"), never end in a slash, and are relative to the chroot the store was opened
// with. Empty data is what ZooKeeper calls null data.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coordination/metadata_store/store_error.h"
#include "protocol/mutex.h"

namespace coordination::metadata_store {

// Expected version that matches whatever is there.
inline constexpr std::int32_t any_version = -1;

// What the store knows about a node besides its data. The zxids order all changes of the store, across restarts too.
struct Stat {
  std::int64_t czxid = 0;     // the change that created the node
  std::int64_t mzxid = 0;     // the change that last set its data
  std::int64_t pzxid = 0;     // the change that last added or removed a child
  std::int64_t ctime_ms = 0;  // wall-clock time of the creation
  std::int64_t mtime_ms = 0;  // wall-clock time of the last set
  std::int32_t version = 0;   // how often the data was set since the creation
  std::int32_t cversion = 0;  // how often children were added or removed
  std::int32_t num_children = 0;
  std::int32_t data_length = 0;
  std::int64_t ephemeral_owner = 0;  // session id; 0: the node is persistent

  bool operator==(const Stat&) const = default;
};

struct Node {
  std::string data;
  Stat stat;
};

enum class CreateMode {
  persistent,
  ephemeral,              // goes when its session ends
  persistent_sequential,  // the store appends a ten-digit number that grows within the parent
  ephemeral_sequential,
};

enum class WatchEventType {
  created,
  deleted,
  data_changed,
  children_changed,
};

struct WatchEvent {
  WatchEventType type = WatchEventType::data_changed;
  std::string path;
};

// Called once at most; not at all if the session ends first. Empty: no watch. Two watches for one change give two
// calls.
using Watch = std::function<void(const WatchEvent&)>;

enum class SessionEvent {
  disconnected,  // calls block until the connection is back or the session expired
  connected,     // again, the session and its watches still stand
  expired,       // ephemeral nodes and watches are gone; calls fail with session_expired until renew_session()
};

// One step of a multi-operation.
struct Operation {
  enum class Kind { create, set, remove, check };

  Kind kind = Kind::check;
  std::string path;
  std::string data;                             // create, set
  CreateMode mode = CreateMode::persistent;     // create
  std::int32_t expected_version = any_version;  // set, remove, check

  static Operation create(std::string path, std::string data, CreateMode mode = CreateMode::persistent) {
    return {Kind::create, std::move(path), std::move(data), mode, any_version};
  }
  static Operation set(std::string path, std::string data, std::int32_t expected_version = any_version) {
    return {Kind::set, std::move(path), std::move(data), CreateMode::persistent, expected_version};
  }
  static Operation remove(std::string path, std::int32_t expected_version = any_version) {
    return {Kind::remove, std::move(path), {}, CreateMode::persistent, expected_version};
  }
  // Fails the whole when the node is missing (no_node) or has another data version (bad_version).
  static Operation check(std::string path, std::int32_t expected_version) {
    return {Kind::check, std::move(path), {}, CreateMode::persistent, expected_version};
  }
};

using Transaction = std::vector<Operation>;

struct OperationResult {
  std::string created_path;  // create: with the sequence number where one was asked for
  Stat stat;                 // set
};

// Why a transaction did nothing: the first step that failed.
struct TransactionFailure {
  StoreError error = StoreError::failure;
  std::size_t step = 0;  // index into the transaction; 0 when the error is the session's or the connection's
};

using TransactionResult = std::expected<std::vector<OperationResult>, TransactionFailure>;

class MetadataStore {
 public:
  MetadataStore() = default;
  MetadataStore(const MetadataStore&) = delete;
  MetadataStore& operator=(const MetadataStore&) = delete;
  virtual ~MetadataStore() = default;  // ends the session

  // Returns the created node's path. Errors: node_exists; no_node: the parent is missing;
  // no_children_for_ephemerals: the parent is ephemeral.
  virtual StoreResult<std::string> create(const std::string& path, const std::string& data, CreateMode mode) = 0;

  // The watch fires when the node's data is set or the node is deleted; it isn't left when the call fails.
  virtual StoreResult<Node> get(const std::string& path, Watch watch = {}) = 0;

  // Errors: no_node, bad_version.
  virtual StoreResult<Stat> set(const std::string& path, const std::string& data,
                                std::int32_t expected_version = any_version) = 0;

  // Errors: no_node, bad_version, not_empty.
  virtual StoreResult<void> remove(const std::string& path, std::int32_t expected_version = any_version) = 0;

  // No value inside: the node doesn't exist. The watch is left either way; it fires when the node is created, deleted
  // or its data set.
  virtual StoreResult<std::optional<Stat>> exists(const std::string& path, Watch watch = {}) = 0;

  // Names, not paths, in no particular order. The watch fires when a child is added or removed, or the node is deleted.
  virtual StoreResult<std::vector<std::string>> children(const std::string& path, Watch watch = {}) = 0;

  // All steps or none, as one change.
  virtual TransactionResult multi(const Transaction& steps) = 0;

  // Several transactions, each all or none by itself, in order, without a wait for each: the embedded store writes them
  // with one sync, ZooKeeper gets them back to back. One result each.
  virtual std::vector<TransactionResult> multi_each(std::span<const Transaction> transactions) = 0;

  // Several reads without a wait for each. One result each. No watches.
  virtual std::vector<StoreResult<Node>> get_each(std::span<const std::string> paths) = 0;

  virtual std::int64_t session_id() const = 0;

  // Session events from now on; replaces an earlier listener. Called on the store's callback thread.
  virtual void on_session_event(std::function<void(SessionEvent)> listener) = 0;

  // After an expiry: opens a new session, without nodes and watches. Blocks until the store can be reached. Then calls
  // what on_renewal() was given, on this thread.
  virtual StoreResult<void> renew_session() = 0;

  // For those who leave watches and must leave them anew in each session. Kept as long as this object.
  void on_renewal(std::function<void()> hook);

  // Ends the session: its ephemeral nodes go at once, its watches never fire. When it returns, no callback runs and
  // none will, and no call waits. Not from a callback. Calls that wait for the store, and later ones, fail with
  // session_expired.
  virtual void close() = 0;

 protected:
  void call_renewal_hooks();

 private:
  protocol::Mutex hooks_mutex_;
  std::vector<std::function<void()>> renewal_hooks_ GUARDED_BY(hooks_mutex_);
};

// The part of a path before its last name: "/a" for "/a/b", "/" for "/a".
std::string_view parent_path(std::string_view path);
// The part after the last slash.
std::string_view node_name(std::string_view path);
// Whether the path is absolute, has no empty, "." or ".." name, no trailing slash and no NUL.
bool is_valid_path(std::string_view path);

// Creates the node and what is missing of its ancestors, persistent and empty. A node that is there already is fine.
StoreResult<void> create_recursive(MetadataStore& store, const std::string& path, const std::string& data = {});

}  // namespace coordination::metadata_store
