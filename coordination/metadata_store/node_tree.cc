#include "coordination/metadata_store/node_tree.h"

#include <fmt/format.h>

#include <utility>

namespace coordination::metadata_store {
namespace {

bool is_sequential(CreateMode mode) {
  return mode == CreateMode::persistent_sequential || mode == CreateMode::ephemeral_sequential;
}

bool is_ephemeral(CreateMode mode) { return mode == CreateMode::ephemeral || mode == CreateMode::ephemeral_sequential; }

// A sequential name may end in a slash: the number alone is the name then.
bool is_valid_for_create(const Operation& operation) {
  if (is_sequential(operation.mode)) return is_valid_path(operation.path + "0");
  return operation.path != "/" && is_valid_path(operation.path);
}

}  // namespace

const NodeTree::Entry* NodeTree::find(std::string_view path) const {
  const Entry* entry = &root_;
  for (std::size_t start = 1; start < path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const auto child = entry->children.find(path.substr(start, end - start));
    if (child == entry->children.end()) return nullptr;
    entry = child->second.get();
    start = end + 1;
  }
  return entry;
}

NodeTree::Entry* NodeTree::find(std::string_view path) { return const_cast<Entry*>(std::as_const(*this).find(path)); }

Stat NodeTree::stat(const Entry& entry) {
  Stat stat = entry.stat;
  stat.num_children = static_cast<std::int32_t>(entry.children.size());
  stat.data_length = static_cast<std::int32_t>(entry.data.size());
  stat.cversion = stat.cversion * 2 - stat.num_children;  // every child that isn't there any more changed it twice
  return stat;
}

StoreResult<OperationResult> NodeTree::apply(const Operation& operation, const ChangeContext& context,
                                             std::vector<Change>& changes) {
  if (operation.kind == Operation::Kind::create) return create(operation, context, changes);
  if (!is_valid_path(operation.path)) return std::unexpected(StoreError::bad_arguments);
  Entry* entry = find(operation.path);
  if (!entry) return std::unexpected(StoreError::no_node);
  if (operation.expected_version != any_version && operation.expected_version != entry->stat.version) {
    return std::unexpected(StoreError::bad_version);
  }
  if (operation.kind == Operation::Kind::check) return OperationResult{};
  if (operation.kind == Operation::Kind::remove) return remove(operation, context, changes);

  changes.push_back({.kind = Change::Kind::set,
                     .path = operation.path,
                     .ephemeral = entry->stat.ephemeral_owner != 0,
                     .old_data = std::move(entry->data),
                     .old_stat = entry->stat});
  entry->data = operation.data;
  entry->stat.mzxid = context.zxid;
  entry->stat.mtime_ms = context.now_ms;
  ++entry->stat.version;
  return OperationResult{.stat = stat(*entry)};
}

StoreResult<OperationResult> NodeTree::create(const Operation& operation, const ChangeContext& context,
                                              std::vector<Change>& changes) {
  if (!is_valid_for_create(operation)) return std::unexpected(StoreError::bad_arguments);
  Entry* parent = find(parent_path(operation.path));
  if (!parent) return std::unexpected(StoreError::no_node);
  std::string path = operation.path;
  if (is_sequential(operation.mode)) path += fmt::format("{:010}", parent->stat.cversion);
  const std::string_view child_name = node_name(path);
  if (parent->children.contains(child_name)) return std::unexpected(StoreError::node_exists);
  if (parent->stat.ephemeral_owner != 0) return std::unexpected(StoreError::no_children_for_ephemerals);

  auto entry = std::make_unique<Entry>();
  entry->data = operation.data;
  entry->stat.czxid = entry->stat.mzxid = entry->stat.pzxid = context.zxid;
  entry->stat.ctime_ms = entry->stat.mtime_ms = context.now_ms;
  entry->stat.ephemeral_owner = is_ephemeral(operation.mode) ? context.session_id : 0;
  const Stat created = stat(*entry);

  changes.push_back({.kind = Change::Kind::created,
                     .path = path,
                     .ephemeral = is_ephemeral(operation.mode),
                     .old_parent = parent->stat});
  parent->children.emplace(child_name, std::move(entry));
  parent->stat.pzxid = context.zxid;
  ++parent->stat.cversion;
  return OperationResult{.created_path = std::move(path), .stat = created};
}

StoreResult<OperationResult> NodeTree::remove(const Operation& operation, const ChangeContext& context,
                                              std::vector<Change>& changes) {
  if (operation.path == "/") return std::unexpected(StoreError::bad_arguments);
  Entry* parent = find(parent_path(operation.path));
  const auto child = parent->children.find(node_name(operation.path));
  Entry& entry = *child->second;
  if (!entry.children.empty()) return std::unexpected(StoreError::not_empty);

  changes.push_back({.kind = Change::Kind::removed,
                     .path = operation.path,
                     .ephemeral = entry.stat.ephemeral_owner != 0,
                     .old_data = std::move(entry.data),
                     .old_stat = entry.stat,
                     .old_parent = parent->stat});
  parent->children.erase(child);
  parent->stat.pzxid = context.zxid;
  return OperationResult{};
}

void NodeTree::undo(std::vector<Change>& changes, std::size_t keep) {
  while (changes.size() > keep) {
    Change& change = changes.back();
    if (change.kind == Change::Kind::set) {
      Entry* entry = find(change.path);
      entry->data = std::move(change.old_data);
      entry->stat = change.old_stat;
    } else {
      Entry* parent = find(parent_path(change.path));
      if (change.kind == Change::Kind::created) {
        parent->children.erase(parent->children.find(node_name(change.path)));
      } else {
        restore(change.path, std::move(change.old_data), change.old_stat);
      }
      parent->stat = change.old_parent;
    }
    changes.pop_back();
  }
}

bool NodeTree::restore(std::string_view path, std::string data, const Stat& stat) {
  Entry* parent = find(parent_path(path));
  if (!parent) return false;
  if (path == "/") {
    root_.data = std::move(data);
    root_.stat = stat;
    return true;
  }
  auto entry = std::make_unique<Entry>();
  entry->data = std::move(data);
  entry->stat = stat;
  parent->children.insert_or_assign(std::string(node_name(path)), std::move(entry));
  return true;
}

}  // namespace coordination::metadata_store
