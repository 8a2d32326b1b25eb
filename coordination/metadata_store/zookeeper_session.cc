#include "coordination/metadata_store/zookeeper_session.h"

#include <fmt/format.h>

#include <future>
#include <utility>

namespace coordination::metadata_store {

using protocol::ErrorCode, protocol::fail, protocol::MutexLock, protocol::Result;

namespace {

bool is_sequential(CreateMode mode) {
  return mode == CreateMode::persistent_sequential || mode == CreateMode::ephemeral_sequential;
}

// The C client checks less than ZooKeeper's Java client does, and asserts some of it.
bool is_usable(const Operation& operation) {
  if (operation.kind == Operation::Kind::create && is_sequential(operation.mode)) {
    return is_valid_path(operation.path + "0");
  }
  return is_valid_path(operation.path);
}

// At most so many requests without an answer.
class Window {
 public:
  explicit Window(std::int32_t size) : free_(size) {}
  void enter() {
    const MutexLock lock(mutex_);
    while (free_ == 0) changed_.wait(mutex_);
    --free_;
  }
  void leave() {
    const MutexLock lock(mutex_);
    ++free_;
    changed_.notify_all();
  }
  void wait_empty(std::int32_t size) {
    const MutexLock lock(mutex_);
    while (free_ != size) changed_.wait(mutex_);
  }

 private:
  protocol::Mutex mutex_;
  std::condition_variable_any changed_;
  std::int32_t free_ GUARDED_BY(mutex_);
};

std::string without_chroot(const std::string& connect) { return connect.substr(0, connect.find('/')); }

std::string chroot_of(const std::string& connect) {
  const auto slash = connect.find('/');
  return slash == std::string::npos ? "/" : connect.substr(slash);
}

}  // namespace

ZooKeeperSession::ZooKeeperSession(ZooKeeperOptions options) : options_(std::move(options)) {}

ZooKeeperSession::~ZooKeeperSession() { close(); }

Result<std::unique_ptr<ZooKeeperSession>> ZooKeeperSession::open(const ZooKeeperOptions& options) {
  const std::string chroot = chroot_of(options.connect);
  if (without_chroot(options.connect).empty() || !is_valid_path(chroot)) {
    return fail(ErrorCode::invalid_config,
                fmt::format("zookeeper.connect is '{}': it must be host:port,host:port/path.", options.connect));
  }
  if (chroot != "/") {
    ZooKeeperOptions whole = options;
    whole.connect = without_chroot(options.connect);
    auto session = open(whole);
    if (!session) return session;
    if (const auto made = create_recursive(**session, chroot); !made) {
      return std::unexpected(to_error(made.error(), "creating the chroot " + chroot));
    }
  }
  auto session = std::unique_ptr<ZooKeeperSession>(new ZooKeeperSession(options));
  const Client client = session->connect();
  if (!client->is_open()) {
    return fail(ErrorCode::invalid_config,
                fmt::format("zookeeper.connect is '{}': ZooKeeper's client can't use it.", options.connect));
  }
  if (!client->wait_connected(options.connection_timeout_ms, options.stop)) {
    return fail(ErrorCode::request_timed_out, fmt::format("No ZooKeeper server at {} answered within {} ms.",
                                                          options.connect, options.connection_timeout_ms));
  }
  return session;
}

ZooKeeperSession::Client ZooKeeperSession::connect() {
  std::int64_t generation = 0;
  {
    const MutexLock lock(mutex_);
    if (closed_) return nullptr;
    generation = ++generation_;
  }
  auto deliver = [this, generation](std::function<void()> callback) {
    callbacks_.post(generation, std::move(callback));
  };
  // Calls that are under way keep the client; close() must know when the last of them let go of it.
  auto ended = std::make_shared<std::promise<void>>();
  Client client(new ZooKeeperClient(options_.connect, options_.session_timeout_ms, deliver,
                                    [this, generation](SessionEvent event) { on_event(generation, event); }),
                [ended](ZooKeeperClient* last) {
                  delete last;
                  ended->set_value();
                });
  const MutexLock lock(mutex_);
  if (closed_) return nullptr;
  client_ = client;
  client_ended_ = ended->get_future().share();
  return client;
}

ZooKeeperSession::Client ZooKeeperSession::client() const {
  const MutexLock lock(mutex_);
  return client_;
}

void ZooKeeperSession::on_event(std::int64_t generation, SessionEvent event) {
  std::function<void(SessionEvent)> listener;
  {
    const MutexLock lock(mutex_);
    if (generation != generation_) return;  // of a session that was renewed meanwhile
    listener = listener_;
  }
  if (listener) listener(event);
}

template <typename Outcome, typename Send>
Outcome ZooKeeperSession::call(Send send, bool& lost) {
  for (;;) {
    const Client client = this->client();
    if (!client) return std::unexpected(typename Outcome::error_type{StoreError::session_expired});
    if (const auto connected = client->wait_connected(0); !connected) {
      return std::unexpected(typename Outcome::error_type{connected.error()});
    }
    std::promise<Outcome> promise;
    const int code = send(*client, [&promise](Outcome outcome) { promise.set_value(std::move(outcome)); });
    Outcome outcome = code == ZOK ? promise.get_future().get()
                                  : Outcome(std::unexpected(typename Outcome::error_type{to_store_error(code)}));
    if (outcome) return outcome;
    StoreError error{};
    if constexpr (std::is_same_v<typename Outcome::error_type, TransactionFailure>) {
      error = outcome.error().error;
    } else {
      error = outcome.error();
    }
    if (error != StoreError::connection_loss) return outcome;
    lost = true;
  }
}

StoreResult<std::string> ZooKeeperSession::create(const std::string& path, const std::string& data, CreateMode mode) {
  const Operation step = Operation::create(path, data, mode);
  if (!is_usable(step)) return std::unexpected(StoreError::bad_arguments);
  bool lost = false;
  auto created = call<StoreResult<std::string>>(
      [&](ZooKeeperClient& client, auto done) { return client.create(step, std::move(done)); }, lost);
  if (lost && !created && created.error() == StoreError::node_exists) {
    if (auto done = find_done(step)) return std::move(done->created_path);
  }
  return created;
}

StoreResult<Stat> ZooKeeperSession::set(const std::string& path, const std::string& data,
                                        std::int32_t expected_version) {
  const Operation step = Operation::set(path, data, expected_version);
  if (!is_usable(step)) return std::unexpected(StoreError::bad_arguments);
  bool lost = false;
  auto stat = call<StoreResult<Stat>>(
      [&](ZooKeeperClient& client, auto done) { return client.set(step, std::move(done)); }, lost);
  if (lost && !stat && stat.error() == StoreError::bad_version) {
    if (const auto done = find_done(step)) return done->stat;
  }
  return stat;
}

StoreResult<void> ZooKeeperSession::remove(const std::string& path, std::int32_t expected_version) {
  const Operation step = Operation::remove(path, expected_version);
  if (!is_usable(step) || path == "/") return std::unexpected(StoreError::bad_arguments);
  bool lost = false;
  const auto removed = call<StoreResult<void>>(
      [&](ZooKeeperClient& client, auto done) { return client.remove(step, std::move(done)); }, lost);
  if (lost && !removed && removed.error() == StoreError::no_node) return {};
  return removed;
}

StoreResult<Node> ZooKeeperSession::get(const std::string& path, Watch watch) {
  if (!is_valid_path(path)) return std::unexpected(StoreError::bad_arguments);
  bool lost = false;
  return call<StoreResult<Node>>(
      [&](ZooKeeperClient& client, auto done) { return client.get(path, watch, std::move(done)); }, lost);
}

StoreResult<std::optional<Stat>> ZooKeeperSession::exists(const std::string& path, Watch watch) {
  if (!is_valid_path(path)) return std::unexpected(StoreError::bad_arguments);
  bool lost = false;
  return call<StoreResult<std::optional<Stat>>>(
      [&](ZooKeeperClient& client, auto done) { return client.exists(path, watch, std::move(done)); }, lost);
}

StoreResult<std::vector<std::string>> ZooKeeperSession::children(const std::string& path, Watch watch) {
  if (!is_valid_path(path)) return std::unexpected(StoreError::bad_arguments);
  bool lost = false;
  return call<StoreResult<std::vector<std::string>>>(
      [&](ZooKeeperClient& client, auto done) { return client.children(path, watch, std::move(done)); }, lost);
}

TransactionResult ZooKeeperSession::multi(const Transaction& steps) { return multi_with_retries(steps, false); }

TransactionResult ZooKeeperSession::multi_with_retries(const Transaction& steps, bool lost) {
  if (steps.empty()) return std::vector<OperationResult>();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!is_usable(steps[i])) return std::unexpected(TransactionFailure{StoreError::bad_arguments, i});
  }
  auto result = call<TransactionResult>(
      [&](ZooKeeperClient& client, auto done) { return client.multi(steps, std::move(done)); }, lost);
  if (!result && lost && steps[result.error().step].kind != Operation::Kind::check) {
    if (auto done = find_done(steps)) return std::move(*done);
  }
  return result;
}

// After a lost connection: whether a step had been done all the same. What it should have left is there, and nobody
// else could have left it: a node of our own session, or the next version with our data.
std::optional<OperationResult> ZooKeeperSession::find_done(const Operation& step) {
  if (step.kind == Operation::Kind::check) return OperationResult{};
  if (step.kind == Operation::Kind::create && is_sequential(step.mode)) return std::nullopt;
  const auto node = get(step.path);
  if (step.kind == Operation::Kind::remove) {
    return node || node.error() != StoreError::no_node ? std::nullopt : std::optional(OperationResult{});
  }
  if (!node || node->data != step.data) return std::nullopt;
  if (step.kind == Operation::Kind::set) {
    const bool ours = step.expected_version == any_version || node->stat.version == step.expected_version + 1;
    return ours ? std::optional(OperationResult{.stat = node->stat}) : std::nullopt;
  }
  const std::int64_t owner = step.mode == CreateMode::ephemeral ? session_id() : 0;
  if (node->stat.ephemeral_owner != owner || node->stat.version != 0) return std::nullopt;
  return OperationResult{.created_path = step.path};
}

std::optional<std::vector<OperationResult>> ZooKeeperSession::find_done(const Transaction& steps) {
  std::vector<OperationResult> results;
  for (const Operation& step : steps) {
    auto done = find_done(step);
    if (!done) return std::nullopt;
    results.push_back(std::move(*done));
  }
  return results;
}

std::vector<TransactionResult> ZooKeeperSession::multi_each(std::span<const Transaction> transactions) {
  const TransactionResult not_sent = std::unexpected(TransactionFailure{StoreError::connection_loss, 0});
  std::vector<TransactionResult> results(transactions.size(), not_sent);
  Window window(options_.max_in_flight_requests);
  std::atomic<bool> stop = false;  // after the first loss nothing may overtake what was lost
  std::size_t sent = 0;
  const Client client = this->client();
  for (; client && sent < transactions.size(); ++sent) {
    const Transaction& steps = transactions[sent];
    bool usable = !steps.empty();
    for (const Operation& step : steps) usable = usable && is_usable(step);
    if (!usable) {
      window.wait_empty(options_.max_in_flight_requests);
      results[sent] = multi(steps);
      continue;
    }
    window.enter();
    if (stop) {
      window.leave();
      break;
    }
    const int code = client->multi(steps, [&, i = sent](TransactionResult result) {
      if (!result && result.error().error == StoreError::connection_loss) stop = true;
      results[i] = std::move(result);
      window.leave();
    });
    if (code != ZOK) {
      window.leave();
      break;
    }
  }
  window.wait_empty(options_.max_in_flight_requests);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i] || results[i].error().error != StoreError::connection_loss) continue;
    results[i] = multi_with_retries(transactions[i], i < sent);
  }
  return results;
}

std::vector<StoreResult<Node>> ZooKeeperSession::get_each(std::span<const std::string> paths) {
  std::vector<StoreResult<Node>> results(paths.size(), std::unexpected(StoreError::connection_loss));
  Window window(options_.max_in_flight_requests);
  const Client client = this->client();
  for (std::size_t i = 0; client && i < paths.size(); ++i) {
    if (!is_valid_path(paths[i])) {
      results[i] = std::unexpected(StoreError::bad_arguments);
      continue;
    }
    window.enter();
    const int code = client->get(paths[i], {}, [&, i](StoreResult<Node> node) {
      results[i] = std::move(node);
      window.leave();
    });
    if (code != ZOK) window.leave();
  }
  window.wait_empty(options_.max_in_flight_requests);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i] && results[i].error() == StoreError::connection_loss) results[i] = get(paths[i]);
  }
  return results;
}

std::int64_t ZooKeeperSession::session_id() const {
  const Client client = this->client();
  return client ? client->session_id() : 0;
}

void ZooKeeperSession::on_session_event(std::function<void(SessionEvent)> listener) {
  const MutexLock lock(mutex_);
  listener_ = std::move(listener);
}

StoreResult<void> ZooKeeperSession::renew_session() {
  const Client old = client();
  if (!old) return std::unexpected(StoreError::session_expired);
  if (old->wait_connected(1)) return {};
  const Client renewed = connect();
  if (!renewed) return std::unexpected(StoreError::session_expired);
  const auto connected = renewed->wait_connected(0);
  if (connected) call_renewal_hooks();
  return connected;
}

void ZooKeeperSession::close() {
  Client client;
  std::shared_future<void> ended;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    client = std::exchange(client_, nullptr);
    ended = client_ended_;
  }
  // Wakes the calls that wait for a connection, one of a callback that renews the session among them.
  if (client) client->shut_down();
  client.reset();
  callbacks_.stop();
  if (ended.valid()) ended.wait();
}

bool ZooKeeperSession::expire_for_test(const std::string& address) {
  const Client client = this->client();
  for (int attempt = 0; attempt < 20; ++attempt) {
    client->expire_for_test(address);
    for (int i = 0; i < 100; ++i) {
      const auto connected = client->wait_connected(10);
      if (!connected && connected.error() == StoreError::session_expired) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  return false;
}

Result<std::unique_ptr<MetadataStore>> open_zookeeper(const ZooKeeperOptions& options) {
  auto session = ZooKeeperSession::open(options);
  if (!session) return std::unexpected(session.error());
  return std::move(*session);
}

}  // namespace coordination::metadata_store
