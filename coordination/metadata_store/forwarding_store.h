// A store that passes every call on to another one. For tests, which override what they want to disturb.
// As safe as the store it wraps.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "coordination/metadata_store/metadata_store.h"

namespace coordination::metadata_store {

class ForwardingStore : public MetadataStore {
 public:
  // The store outlives it.
  explicit ForwardingStore(MetadataStore& store) : store_(store) {}

  StoreResult<std::string> create(const std::string& path, const std::string& data, CreateMode mode) override {
    return store_.create(path, data, mode);
  }
  StoreResult<Node> get(const std::string& path, Watch watch) override { return store_.get(path, std::move(watch)); }
  StoreResult<Stat> set(const std::string& path, const std::string& data, std::int32_t expected_version) override {
    return store_.set(path, data, expected_version);
  }
  StoreResult<void> remove(const std::string& path, std::int32_t expected_version) override {
    return store_.remove(path, expected_version);
  }
  StoreResult<std::optional<Stat>> exists(const std::string& path, Watch watch) override {
    return store_.exists(path, std::move(watch));
  }
  StoreResult<std::vector<std::string>> children(const std::string& path, Watch watch) override {
    return store_.children(path, std::move(watch));
  }
  TransactionResult multi(const Transaction& steps) override { return store_.multi(steps); }
  std::vector<TransactionResult> multi_each(std::span<const Transaction> transactions) override {
    return store_.multi_each(transactions);
  }
  std::vector<StoreResult<Node>> get_each(std::span<const std::string> paths) override {
    return store_.get_each(paths);
  }
  std::int64_t session_id() const override { return store_.session_id(); }
  void on_session_event(std::function<void(SessionEvent)> listener) override {
    store_.on_session_event(std::move(listener));
  }
  StoreResult<void> renew_session() override {
    auto renewed = store_.renew_session();
    if (renewed) call_renewal_hooks();
    return renewed;
  }
  void close() override { store_.close(); }

 private:
  MetadataStore& store_;
};

}  // namespace coordination::metadata_store
