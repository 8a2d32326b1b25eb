#include "coordination/metadata_store/conformance_stores.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "coordination/metadata_store/embedded_store.h"
#include "coordination/metadata_store/zookeeper_session.h"

namespace coordination::metadata_store {
namespace {

class EmbeddedTestStore final : public TestStore {
 public:
  explicit EmbeddedTestStore(bool with_file) {
    if (!with_file) {
      store_ = EmbeddedStore::in_memory(clock_);
      return;
    }
    std::string directory = (std::filesystem::temp_directory_path() / "metadata-XXXXXX").string();
    if (!mkdtemp(directory.data())) throw std::runtime_error("no temporary directory");
    directory_ = directory;
    auto opened = EmbeddedStore::open(directory_ / "metadata.db", clock_);
    if (!opened) throw std::runtime_error(opened.error().text());
    store_ = std::move(*opened);
  }

  ~EmbeddedTestStore() override {
    store_.reset();
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  std::unique_ptr<MetadataStore> open() override { return store_->open_session(); }
  void expire(MetadataStore& session) override { store_->expire(session.session_id()); }

 private:
  protocol::SystemClock clock_;
  std::filesystem::path directory_;
  std::unique_ptr<EmbeddedStore> store_;
};

// Each test has a chroot of its own; opening the first session creates it.
class ZooKeeperTestStore final : public TestStore {
 public:
  explicit ZooKeeperTestStore(const std::string& address) {
    static int next = 0;
    options_.connect = address + "/conformance/" + std::to_string(getpid()) + "-" + std::to_string(next++);
    options_.session_timeout_ms = 6000;
  }

  std::unique_ptr<MetadataStore> open() override {
    auto opened = ZooKeeperSession::open(options_);
    if (!opened) throw std::runtime_error(opened.error().text());
    return std::move(*opened);
  }

  void expire(MetadataStore& session) override {
    if (!dynamic_cast<ZooKeeperSession&>(session).expire_for_test()) throw std::runtime_error("it doesn't expire");
  }

 private:
  ZooKeeperOptions options_;
};

const char* zookeeper_address() { return std::getenv("BARNABAS_ZOOKEEPER"); }

}  // namespace

std::string_view name(StoreKind kind) {
  switch (kind) {
    case StoreKind::memory:
      return "memory";
    case StoreKind::sqlite:
      return "sqlite";
    case StoreKind::zookeeper:
      return "zookeeper";
  }
  return "unknown";
}

std::vector<StoreKind> store_kinds() {
  std::vector<StoreKind> kinds = {StoreKind::memory, StoreKind::sqlite};
  if (zookeeper_address()) kinds.push_back(StoreKind::zookeeper);
  return kinds;
}

std::unique_ptr<TestStore> make_test_store(StoreKind kind) {
  if (kind == StoreKind::zookeeper) return std::make_unique<ZooKeeperTestStore>(zookeeper_address());
  return std::make_unique<EmbeddedTestStore>(kind == StoreKind::sqlite);
}

}  // namespace coordination::metadata_store
