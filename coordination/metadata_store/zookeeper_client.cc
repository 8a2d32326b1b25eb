#include "coordination/metadata_store/zookeeper_client.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>
#include <vector>

namespace coordination::metadata_store {

using protocol::MutexLock;

namespace {

std::optional<WatchEventType> event_type(int type) {
  if (type == ZOO_CREATED_EVENT) return WatchEventType::created;
  if (type == ZOO_DELETED_EVENT) return WatchEventType::deleted;
  if (type == ZOO_CHANGED_EVENT) return WatchEventType::data_changed;
  if (type == ZOO_CHILD_EVENT) return WatchEventType::children_changed;
  return std::nullopt;
}

int create_flags(CreateMode mode) {
  switch (mode) {
    case CreateMode::persistent:
      return ZOO_PERSISTENT;
    case CreateMode::ephemeral:
      return ZOO_EPHEMERAL;
    case CreateMode::persistent_sequential:
      return ZOO_PERSISTENT_SEQUENTIAL;
    case CreateMode::ephemeral_sequential:
      return ZOO_EPHEMERAL_SEQUENTIAL;
  }
  return ZOO_PERSISTENT;
}

Stat to_stat(const ::Stat& stat) {
  return {.czxid = stat.czxid,
          .mzxid = stat.mzxid,
          .pzxid = stat.pzxid,
          .ctime_ms = stat.ctime,
          .mtime_ms = stat.mtime,
          .version = stat.version,
          .cversion = stat.cversion,
          .num_children = stat.numChildren,
          .data_length = stat.dataLength,
          .ephemeral_owner = stat.ephemeralOwner};
}

// Empty data is null data, for which the C client wants a length of -1.
const char* bytes_of(const std::string& data) { return data.empty() ? nullptr : data.data(); }
int length_of(const std::string& data) { return data.empty() ? -1 : static_cast<int>(data.size()); }

// What travels through the C client's void pointers. Freed by the completion, which the client always calls, at the
// latest when the handle is closed.
template <typename T>
struct Call {
  std::function<void(T)> done;

  static void* leak(std::function<void(T)> done) { return new Call{std::move(done)}; }
  static void finish(const void* call, T outcome) {
    const std::unique_ptr<const Call> owned(static_cast<const Call*>(call));
    owned->done(std::move(outcome));
  }
  // For a request that wasn't sent: no completion will come.
  static int sent_or_freed(int code, void* call) {
    if (code != ZOK) delete static_cast<Call*>(call);
    return code;
  }
};

void log_message(const char* message) { spdlog::debug("ZooKeeper client: {}", message); }

// A multi-operation with the memory that the C client reads from and writes into until it completes.
struct MultiCall {
  Transaction steps;
  std::function<void(TransactionResult)> done;
  std::vector<zoo_op_t> ops;
  std::vector<zoo_op_result_t> results;
  std::vector<std::string> created_paths;
  std::vector<::Stat> stats;

  MultiCall(const Transaction& transaction, std::function<void(TransactionResult)> when_done)
      : steps(transaction),
        done(std::move(when_done)),
        ops(steps.size()),
        results(steps.size()),
        created_paths(steps.size()),
        stats(steps.size()) {
    for (std::size_t i = 0; i < steps.size(); ++i) init(i);
  }

  void init(std::size_t i) {
    const Operation& step = steps[i];
    switch (step.kind) {
      case Operation::Kind::create:
        created_paths[i].resize(step.path.size() + 16);
        zoo_create_op_init(&ops[i], step.path.c_str(), bytes_of(step.data), length_of(step.data), &ZOO_OPEN_ACL_UNSAFE,
                           create_flags(step.mode), created_paths[i].data(), static_cast<int>(created_paths[i].size()));
        break;
      case Operation::Kind::set:
        zoo_set_op_init(&ops[i], step.path.c_str(), bytes_of(step.data), length_of(step.data), step.expected_version,
                        &stats[i]);
        break;
      case Operation::Kind::remove:
        zoo_delete_op_init(&ops[i], step.path.c_str(), step.expected_version);
        break;
      case Operation::Kind::check:
        zoo_check_op_init(&ops[i], step.path.c_str(), step.expected_version);
        break;
    }
  }

  TransactionResult outcome(int code) const {
    if (code != ZOK) {
      for (std::size_t i = 0; i < results.size(); ++i) {
        const int error = results[i].err;
        if (error == code && error != ZRUNTIMEINCONSISTENCY) {
          return std::unexpected(TransactionFailure{to_store_error(error), i});
        }
      }
      return std::unexpected(TransactionFailure{to_store_error(code), 0});
    }
    std::vector<OperationResult> done_steps(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      // The name ends at its NUL, not where the buffer does. NOLINTNEXTLINE(readability-redundant-string-cstr)
      if (steps[i].kind == Operation::Kind::create) done_steps[i].created_path = created_paths[i].c_str();
      if (steps[i].kind == Operation::Kind::set) done_steps[i].stat = to_stat(stats[i]);
    }
    return done_steps;
  }

  static void complete(int code, const void* data) {
    const std::unique_ptr<const MultiCall> call(static_cast<const MultiCall*>(data));
    call->done(call->outcome(code));
  }
};

}  // namespace

StoreError to_store_error(int zookeeper_code) {
  switch (zookeeper_code) {
    case ZNONODE:
      return StoreError::no_node;
    case ZNODEEXISTS:
      return StoreError::node_exists;
    case ZBADVERSION:
      return StoreError::bad_version;
    case ZNOTEMPTY:
      return StoreError::not_empty;
    case ZNOCHILDRENFOREPHEMERALS:
      return StoreError::no_children_for_ephemerals;
    case ZBADARGUMENTS:
      return StoreError::bad_arguments;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
      return StoreError::connection_loss;
    case ZSESSIONEXPIRED:
    case ZINVALIDSTATE:  // the handle is expired or closed
    case ZCLOSING:
      return StoreError::session_expired;
    case ZNOAUTH:
    case ZAUTHFAILED:
      return StoreError::no_auth;
    default:
      return StoreError::failure;
  }
}

struct ZooKeeperClient::WatchContext {
  ZooKeeperClient* client;
  Watch watch;
};

ZooKeeperClient::ZooKeeperClient(const std::string& connect, std::int32_t session_timeout_ms, Deliver deliver,
                                 std::function<void(SessionEvent)> on_event)
    : deliver_(std::move(deliver)), on_event_(std::move(on_event)) {
  handle_ = zookeeper_init2(connect.c_str(), &on_session_event, session_timeout_ms, nullptr, this, 0, &log_message);
}

ZooKeeperClient::~ZooKeeperClient() {
  shut_down();
  if (handle_) zookeeper_close(handle_);
}

void ZooKeeperClient::shut_down() {
  {
    const MutexLock lock(mutex_);
    state_ = State::closed;
  }
  changed_.notify_all();
}

void ZooKeeperClient::on_session_event(zhandle_t*, int type, int state, const char*, void* context) {
  if (type == ZOO_SESSION_EVENT) static_cast<ZooKeeperClient*>(context)->change_state(state);
}

void ZooKeeperClient::change_state(int zookeeper_state) {
  std::optional<SessionEvent> event;
  {
    const MutexLock lock(mutex_);
    if (state_ == State::closed || state_ == State::expired) return;
    if (zookeeper_state == ZOO_CONNECTED_STATE) {
      state_ = State::connected;
      event = SessionEvent::connected;
    } else if (zookeeper_state == ZOO_EXPIRED_SESSION_STATE || zookeeper_state == ZOO_AUTH_FAILED_STATE) {
      state_ = State::expired;
      watches_.clear();
      event = SessionEvent::expired;
    } else if (state_ == State::connected) {
      state_ = State::connecting;
      event = SessionEvent::disconnected;
    }
  }
  changed_.notify_all();
  // Without `this`: the client may be gone when its last events are delivered.
  if (event) deliver_([on_event = on_event_, event] { on_event(*event); });
}

StoreResult<void> ZooKeeperClient::wait_connected(std::int32_t timeout_ms, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    const MutexLock lock(mutex_);
    changed_.notify_all();
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  const MutexLock lock(mutex_);
  while (state_ == State::connecting) {
    if (stop.stop_requested()) return std::unexpected(StoreError::connection_loss);
    if (timeout_ms == 0) {
      changed_.wait(mutex_);
    } else if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout && state_ == State::connecting) {
      return std::unexpected(StoreError::connection_loss);
    }
  }
  if (state_ != State::connected) return std::unexpected(StoreError::session_expired);
  return {};
}

ZooKeeperClient::WatchContext* ZooKeeperClient::add_watch(Watch watch) {
  auto owned = std::make_unique<WatchContext>(this, std::move(watch));
  WatchContext* context = owned.get();
  const MutexLock lock(mutex_);
  watches_.emplace(context, std::move(owned));
  return context;
}

void ZooKeeperClient::drop_watch(WatchContext* context) {
  const MutexLock lock(mutex_);
  watches_.erase(context);
}

void ZooKeeperClient::on_watch(zhandle_t* handle, int type, int, const char* path, void* context) {
  // The C client tells every watch of every change of the connection, too; those leave the watch where it is. After an
  // expiry the contexts are gone, so nothing of them may be touched before the type is known.
  const auto known = event_type(type);
  if (!known) return;
  auto* client = static_cast<ZooKeeperClient*>(const_cast<void*>(zoo_get_context(handle)));
  Watch watch;
  {
    const MutexLock lock(client->mutex_);
    const auto found = client->watches_.find(static_cast<WatchContext*>(context));
    if (found == client->watches_.end()) return;
    watch = std::move(found->second->watch);
    client->watches_.erase(found);
  }
  client->deliver_([watch = std::move(watch), event = WatchEvent{*known, path}] { watch(event); });
}

int ZooKeeperClient::create(const Operation& operation, std::function<void(StoreResult<std::string>)> done) {
  using Outcome = StoreResult<std::string>;
  auto complete = [](int code, const char* path, const void* call) {
    Call<Outcome>::finish(call, code == ZOK ? Outcome(path) : std::unexpected(to_store_error(code)));
  };
  void* call = Call<Outcome>::leak(std::move(done));
  return Call<Outcome>::sent_or_freed(
      zoo_acreate(handle_, operation.path.c_str(), bytes_of(operation.data), length_of(operation.data),
                  &ZOO_OPEN_ACL_UNSAFE, create_flags(operation.mode), complete, call),
      call);
}

int ZooKeeperClient::set(const Operation& operation, std::function<void(StoreResult<Stat>)> done) {
  using Outcome = StoreResult<Stat>;
  auto complete = [](int code, const ::Stat* stat, const void* call) {
    Call<Outcome>::finish(call, code == ZOK ? Outcome(to_stat(*stat)) : std::unexpected(to_store_error(code)));
  };
  void* call = Call<Outcome>::leak(std::move(done));
  return Call<Outcome>::sent_or_freed(zoo_aset(handle_, operation.path.c_str(), bytes_of(operation.data),
                                               length_of(operation.data), operation.expected_version, complete, call),
                                      call);
}

int ZooKeeperClient::remove(const Operation& operation, std::function<void(StoreResult<void>)> done) {
  using Outcome = StoreResult<void>;
  auto complete = [](int code, const void* call) {
    Call<Outcome>::finish(call, code == ZOK ? Outcome() : std::unexpected(to_store_error(code)));
  };
  void* call = Call<Outcome>::leak(std::move(done));
  return Call<Outcome>::sent_or_freed(
      zoo_adelete(handle_, operation.path.c_str(), operation.expected_version, complete, call), call);
}

int ZooKeeperClient::get(const std::string& path, Watch watch, std::function<void(StoreResult<Node>)> done) {
  using Outcome = StoreResult<Node>;
  auto complete = [](int code, const char* data, int length, const ::Stat* stat, const void* call) {
    if (code != ZOK) return Call<Outcome>::finish(call, std::unexpected(to_store_error(code)));
    std::string bytes(data ? data : "", data ? static_cast<std::size_t>(std::max(length, 0)) : 0);
    Call<Outcome>::finish(call, Node{std::move(bytes), to_stat(*stat)});
  };
  WatchContext* context = watch ? add_watch(std::move(watch)) : nullptr;
  // A node that isn't there leaves no watch.
  void* call = Call<Outcome>::leak([this, context, done = std::move(done)](Outcome outcome) {
    if (context && !outcome) drop_watch(context);
    done(std::move(outcome));
  });
  const int code = zoo_awget(handle_, path.c_str(), context ? &on_watch : nullptr, context, complete, call);
  if (context && code != ZOK) drop_watch(context);
  return Call<Outcome>::sent_or_freed(code, call);
}

int ZooKeeperClient::exists(const std::string& path, Watch watch,
                            std::function<void(StoreResult<std::optional<Stat>>)> done) {
  using Outcome = StoreResult<std::optional<Stat>>;
  auto complete = [](int code, const ::Stat* stat, const void* call) {
    if (code == ZOK) return Call<Outcome>::finish(call, std::optional(to_stat(*stat)));
    if (code == ZNONODE) return Call<Outcome>::finish(call, std::optional<Stat>());
    Call<Outcome>::finish(call, std::unexpected(to_store_error(code)));
  };
  WatchContext* context = watch ? add_watch(std::move(watch)) : nullptr;
  void* call = Call<Outcome>::leak([this, context, done = std::move(done)](Outcome outcome) {
    if (context && !outcome) drop_watch(context);
    done(std::move(outcome));
  });
  const int code = zoo_awexists(handle_, path.c_str(), context ? &on_watch : nullptr, context, complete, call);
  if (context && code != ZOK) drop_watch(context);
  return Call<Outcome>::sent_or_freed(code, call);
}

int ZooKeeperClient::children(const std::string& path, Watch watch,
                              std::function<void(StoreResult<std::vector<std::string>>)> done) {
  using Outcome = StoreResult<std::vector<std::string>>;
  auto complete = [](int code, const String_vector* names, const void* call) {
    if (code != ZOK) return Call<Outcome>::finish(call, std::unexpected(to_store_error(code)));
    Call<Outcome>::finish(call, std::vector<std::string>(names->data, names->data + names->count));
  };
  WatchContext* context = watch ? add_watch(std::move(watch)) : nullptr;
  void* call = Call<Outcome>::leak([this, context, done = std::move(done)](Outcome outcome) {
    if (context && !outcome) drop_watch(context);
    done(std::move(outcome));
  });
  const int code = zoo_awget_children(handle_, path.c_str(), context ? &on_watch : nullptr, context, complete, call);
  if (context && code != ZOK) drop_watch(context);
  return Call<Outcome>::sent_or_freed(code, call);
}

int ZooKeeperClient::multi(const Transaction& steps, std::function<void(TransactionResult)> done) {
  auto call = std::make_unique<MultiCall>(steps, std::move(done));
  const int code = zoo_amulti(handle_, static_cast<int>(call->ops.size()), call->ops.data(), call->results.data(),
                              &MultiCall::complete, call.get());
  if (code == ZOK) (void)call.release();
  return code;
}

std::int64_t ZooKeeperClient::session_id() const { return handle_ ? zoo_client_id(handle_)->client_id : 0; }

void ZooKeeperClient::expire_for_test(const std::string& connect) {
  const clientid_t id = *zoo_client_id(handle_);
  zhandle_t* twin = zookeeper_init2(connect.c_str(), nullptr, zoo_recv_timeout(handle_), &id, nullptr, 0, &log_message);
  for (int i = 0; i < 1000 && zoo_state(twin) != ZOO_CONNECTED_STATE; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  zookeeper_close(twin);
}

}  // namespace coordination::metadata_store
