#include "coordination/metadata_store/embedded_store.h"

#include <spdlog/spdlog.h>

#include <map>
#include <set>
#include <utility>

#include "coordination/metadata_store/callback_thread.h"
#include "coordination/metadata_store/node_file.h"
#include "coordination/metadata_store/node_tree.h"
#include "coordination/metadata_store/watch_table.h"
#include "protocol/mutex.h"

namespace coordination::metadata_store {

using protocol::MutexLock;

// What all sessions share. The lock is held while a write is synced: the order of the file is the order of the zxids.
class EmbeddedStore::Core {
 public:
  explicit Core(const protocol::Clock& clock) : clock_(clock) {}

  protocol::Result<void> open_file(const std::string& path) {
    const MutexLock lock(mutex_);
    auto file = NodeFile::open(path, tree_);
    if (!file) return std::unexpected(file.error());
    file_ = std::move(*file);
    zxid_ = file_->epoch() << 32;
    return {};
  }

  CallbackThread::Owner new_owner() {
    const MutexLock lock(mutex_);
    return next_owner_++;
  }

  // The owner's callbacks outlive one session and go on in the next: it is the object whose sessions they are.
  std::int64_t open_session(CallbackThread::Owner owner, std::function<void(SessionEvent)> on_event) {
    const MutexLock lock(mutex_);
    // Unique within the process and, by the epoch, unlike those of earlier processes.
    const std::int64_t id = (file_ ? file_->epoch() << 32 : 0) + next_session_++;
    sessions_[id].owner = owner;
    sessions_[id].on_event = std::move(on_event);
    return id;
  }

  // Removes the session's nodes and watches, if it is still open.
  void end_session(std::int64_t id, bool expired) {
    const MutexLock lock(mutex_);
    const auto session = sessions_.find(id);
    if (session == sessions_.end()) return;
    const CallbackThread::Owner owner = session->second.owner;
    auto on_event = std::move(session->second.on_event);
    const std::vector<std::string> owned(session->second.ephemerals.begin(), session->second.ephemerals.end());
    sessions_.erase(session);
    remove_ephemerals(owned, id);
    if (expired) callbacks_.post(owner, [on_event] { on_event(SessionEvent::expired); });
  }

  // Waits for a running callback of the owner; none runs afterwards.
  void forget_callbacks(CallbackThread::Owner owner) { callbacks_.forget(owner); }

  StoreResult<Node> get(std::int64_t session_id, const std::string& path, Watch watch) {
    const MutexLock lock(mutex_);
    Session* session = find_session(session_id);
    if (!session) return std::unexpected(StoreError::session_expired);
    if (!is_valid_path(path)) return std::unexpected(StoreError::bad_arguments);
    const NodeTree::Entry* entry = std::as_const(tree_).find(path);
    if (!entry) return std::unexpected(StoreError::no_node);
    if (watch) session->watches.add_data_watch(path, std::move(watch));
    return Node{entry->data, NodeTree::stat(*entry)};
  }

  StoreResult<std::optional<Stat>> exists(std::int64_t session_id, const std::string& path, Watch watch) {
    const MutexLock lock(mutex_);
    Session* session = find_session(session_id);
    if (!session) return std::unexpected(StoreError::session_expired);
    if (!is_valid_path(path)) return std::unexpected(StoreError::bad_arguments);
    if (watch) session->watches.add_data_watch(path, std::move(watch));
    const NodeTree::Entry* entry = std::as_const(tree_).find(path);
    if (!entry) return std::optional<Stat>();
    return std::optional<Stat>(NodeTree::stat(*entry));
  }

  StoreResult<std::vector<std::string>> children(std::int64_t session_id, const std::string& path, Watch watch) {
    const MutexLock lock(mutex_);
    Session* session = find_session(session_id);
    if (!session) return std::unexpected(StoreError::session_expired);
    if (!is_valid_path(path)) return std::unexpected(StoreError::bad_arguments);
    const NodeTree::Entry* entry = std::as_const(tree_).find(path);
    if (!entry) return std::unexpected(StoreError::no_node);
    if (watch) session->watches.add_child_watch(path, std::move(watch));
    std::vector<std::string> names;
    names.reserve(entry->children.size());
    for (const auto& [name, child] : entry->children) names.push_back(name);
    return names;
  }

  std::vector<TransactionResult> multi_each(std::int64_t session_id, std::span<const Transaction> transactions) {
    const MutexLock lock(mutex_);
    std::vector<TransactionResult> results;
    if (!find_session(session_id)) {
      results.assign(transactions.size(), std::unexpected(TransactionFailure{StoreError::session_expired, 0}));
      return results;
    }
    const std::int64_t zxid_before = zxid_;
    std::vector<Change> changes;
    results.reserve(transactions.size());
    for (const Transaction& steps : transactions) results.push_back(apply(session_id, steps, changes));
    if (save(changes)) {
      publish(session_id, changes);
      return results;
    }
    tree_.undo(changes, 0);
    zxid_ = zxid_before;
    results.assign(transactions.size(), std::unexpected(TransactionFailure{StoreError::failure, 0}));
    return results;
  }

  void set_startup(bool starting) {
    const MutexLock lock(mutex_);
    starting_ = starting;
  }

  bool is_open(std::int64_t session_id) {
    const MutexLock lock(mutex_);
    return find_session(session_id) != nullptr;
  }

 private:
  struct Session {
    CallbackThread::Owner owner = 0;
    std::function<void(SessionEvent)> on_event;
    WatchTable watches;
    std::set<std::string> ephemerals;
  };

  Session* find_session(std::int64_t id) REQUIRES(mutex_) {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : &found->second;
  }

  TransactionResult apply(std::int64_t session_id, const Transaction& steps, std::vector<Change>& changes)
      REQUIRES(mutex_) {
    const std::size_t before = changes.size();
    const ChangeContext context{.zxid = zxid_ + 1, .now_ms = clock_.now_ms(), .session_id = session_id};
    std::vector<OperationResult> done;
    done.reserve(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      auto result = tree_.apply(steps[i], context, changes);
      if (!result) {
        tree_.undo(changes, before);
        return std::unexpected(TransactionFailure{result.error(), i});
      }
      done.push_back(std::move(*result));
    }
    if (changes.size() > before) ++zxid_;
    return done;
  }

  bool save(const std::vector<Change>& changes) REQUIRES(mutex_) {
    bool lasting = false;
    for (const Change& change : changes) lasting = lasting || !change.ephemeral;
    if (!file_ || !lasting) return true;
    const auto saved = file_->save(changes, tree_, !starting_);
    if (!saved) spdlog::error("{}", saved.error().text());
    return saved.has_value();
  }

  // Keeps the sessions' lists of ephemeral nodes and fires the watches, in the order of the changes.
  void publish(std::int64_t session_id, const std::vector<Change>& changes) REQUIRES(mutex_) {
    for (const Change& change : changes) {
      switch (change.kind) {
        case Change::Kind::created:
          if (change.ephemeral) sessions_[session_id].ephemerals.insert(change.path);
          fire({WatchEventType::created, change.path});
          break;
        case Change::Kind::set:
          fire({WatchEventType::data_changed, change.path});
          break;
        case Change::Kind::removed:
          if (Session* owner = change.ephemeral ? find_session(change.old_stat.ephemeral_owner) : nullptr) {
            owner->ephemerals.erase(change.path);
          }
          fire({WatchEventType::deleted, change.path});
          break;
      }
      if (change.kind != Change::Kind::set) {
        fire({WatchEventType::children_changed, std::string(parent_path(change.path))});
      }
    }
  }

  void fire(const WatchEvent& event) REQUIRES(mutex_) {
    for (auto& [id, session] : sessions_) {
      for (Watch& watch : session.watches.take(event)) {
        callbacks_.post(session.owner, [watch = std::move(watch), event] { watch(event); });
      }
    }
  }

  void remove_ephemerals(const std::vector<std::string>& paths, std::int64_t session_id) REQUIRES(mutex_) {
    std::vector<Change> changes;
    Transaction steps;
    for (const std::string& path : paths) steps.push_back(Operation::remove(path));
    if (apply(session_id, steps, changes)) publish(session_id, changes);
  }

  const protocol::Clock& clock_;
  protocol::Mutex mutex_;
  NodeTree tree_ GUARDED_BY(mutex_);
  std::unique_ptr<NodeFile> file_ GUARDED_BY(mutex_);  // null: in memory only
  std::int64_t zxid_ GUARDED_BY(mutex_) = 0;
  std::int64_t next_session_ GUARDED_BY(mutex_) = 1;
  CallbackThread::Owner next_owner_ GUARDED_BY(mutex_) = 1;
  std::map<std::int64_t, Session> sessions_ GUARDED_BY(mutex_);
  bool starting_ GUARDED_BY(mutex_) = false;
  CallbackThread callbacks_;
};

class EmbeddedStore::Session final : public MetadataStore {
 public:
  explicit Session(std::shared_ptr<Core> core)
      : core_(std::move(core)),
        owner_(core_->new_owner()),
        id_(core_->open_session(owner_, [this](SessionEvent event) { notify(event); })) {}

  ~Session() override { close(); }

  StoreResult<std::string> create(const std::string& path, const std::string& data, CreateMode mode) override {
    auto result = one(Operation::create(path, data, mode));
    if (!result) return std::unexpected(result.error());
    return std::move(result->created_path);
  }

  StoreResult<Node> get(const std::string& path, Watch watch) override {
    return core_->get(session_id(), path, std::move(watch));
  }

  StoreResult<Stat> set(const std::string& path, const std::string& data, std::int32_t expected_version) override {
    auto result = one(Operation::set(path, data, expected_version));
    if (!result) return std::unexpected(result.error());
    return result->stat;
  }

  StoreResult<void> remove(const std::string& path, std::int32_t expected_version) override {
    auto result = one(Operation::remove(path, expected_version));
    if (!result) return std::unexpected(result.error());
    return {};
  }

  StoreResult<std::optional<Stat>> exists(const std::string& path, Watch watch) override {
    return core_->exists(session_id(), path, std::move(watch));
  }

  StoreResult<std::vector<std::string>> children(const std::string& path, Watch watch) override {
    return core_->children(session_id(), path, std::move(watch));
  }

  TransactionResult multi(const Transaction& steps) override {
    return std::move(core_->multi_each(session_id(), std::span(&steps, 1)).front());
  }

  std::vector<TransactionResult> multi_each(std::span<const Transaction> transactions) override {
    return core_->multi_each(session_id(), transactions);
  }

  std::vector<StoreResult<Node>> get_each(std::span<const std::string> paths) override {
    std::vector<StoreResult<Node>> nodes;
    nodes.reserve(paths.size());
    for (const std::string& path : paths) nodes.push_back(core_->get(session_id(), path, {}));
    return nodes;
  }

  std::int64_t session_id() const override {
    const MutexLock lock(mutex_);
    return id_;
  }

  void on_session_event(std::function<void(SessionEvent)> listener) override {
    const MutexLock lock(mutex_);
    listener_ = std::move(listener);
  }

  StoreResult<void> renew_session() override {
    if (core_->is_open(session_id())) return {};
    {
      const MutexLock lock(mutex_);
      if (closed_) return std::unexpected(StoreError::session_expired);
      id_ = core_->open_session(owner_, [this](SessionEvent event) { notify(event); });
    }
    call_renewal_hooks();
    return {};
  }

  void close() override {
    std::int64_t id = 0;
    {
      const MutexLock lock(mutex_);
      closed_ = true;
      id = id_;
    }
    core_->end_session(id, false);
    core_->forget_callbacks(owner_);
  }

 private:
  StoreResult<OperationResult> one(const Operation& operation) {
    auto result = multi({operation});
    if (!result) return std::unexpected(result.error().error);
    return std::move(result->front());
  }

  void notify(SessionEvent event) {
    std::function<void(SessionEvent)> listener;
    {
      const MutexLock lock(mutex_);
      listener = listener_;
    }
    if (listener) listener(event);
  }

  const std::shared_ptr<Core> core_;
  const CallbackThread::Owner owner_;
  mutable protocol::Mutex mutex_;
  std::int64_t id_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  std::function<void(SessionEvent)> listener_ GUARDED_BY(mutex_);
};

EmbeddedStore::EmbeddedStore(std::shared_ptr<Core> core) : core_(std::move(core)) {}

EmbeddedStore::~EmbeddedStore() = default;

std::unique_ptr<EmbeddedStore> EmbeddedStore::in_memory(const protocol::Clock& clock) {
  return std::unique_ptr<EmbeddedStore>(new EmbeddedStore(std::make_shared<Core>(clock)));
}

protocol::Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(const std::string& file,
                                                                     const protocol::Clock& clock) {
  auto core = std::make_shared<Core>(clock);
  if (auto opened = core->open_file(file); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<EmbeddedStore>(new EmbeddedStore(std::move(core)));
}

std::unique_ptr<MetadataStore> EmbeddedStore::open_session() { return std::make_unique<Session>(core_); }

void EmbeddedStore::expire(std::int64_t session_id) { core_->end_session(session_id, true); }

void EmbeddedStore::begin_startup() { core_->set_startup(true); }

void EmbeddedStore::end_startup() { core_->set_startup(false); }

}  // namespace coordination::metadata_store
