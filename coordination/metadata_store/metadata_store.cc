#include "coordination/metadata_store/metadata_store.h"

#include <algorithm>

namespace coordination::metadata_store {

std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/") : path.substr(0, slash);
}

std::string_view node_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_valid_path(std::string_view path) {
  if (path == "/") return true;
  if (path.empty() || path.front() != '/' || path.back() == '/') return false;
  if (path.find('\0') != std::string_view::npos) return false;
  for (std::size_t start = 1; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = end + 1;
  }
  return true;
}

void MetadataStore::on_renewal(std::function<void()> hook) {
  const protocol::MutexLock lock(hooks_mutex_);
  renewal_hooks_.push_back(std::move(hook));
}

void MetadataStore::call_renewal_hooks() {
  std::vector<std::function<void()>> hooks;
  {
    const protocol::MutexLock lock(hooks_mutex_);
    hooks = renewal_hooks_;
  }
  for (const auto& hook : hooks) hook();
}

StoreResult<void> create_recursive(MetadataStore& store, const std::string& path, const std::string& data) {
  const auto created = store.create(path, data, CreateMode::persistent);
  if (created || created.error() == StoreError::node_exists) return {};
  if (created.error() != StoreError::no_node) return std::unexpected(created.error());
  if (auto parent = create_recursive(store, std::string(parent_path(path))); !parent) return parent;
  const auto again = store.create(path, data, CreateMode::persistent);
  if (again || again.error() == StoreError::node_exists) return {};
  return std::unexpected(again.error());
}

}  // namespace coordination::metadata_store
