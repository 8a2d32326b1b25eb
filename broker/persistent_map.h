// A hash map whose copies share what they have in common: copying costs a constant, and changing an element of a copy
// costs one small bucket, whatever the size of the map. For snapshots that are replaced at every change.
//
// A value: a map is confined to one thread while it is changed, and safe from any thread once nobody changes it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

namespace broker {

// Values carry their key; KeyOf finds it. Two levels of 64 buckets: with ten thousand elements a change copies 64 + 64
// pointers and about three values.
template <typename Value, typename KeyOf>
class PersistentMap {
  using Bucket = std::vector<Value>;
  using Group = std::array<std::shared_ptr<const Bucket>, 64>;

 public:
  template <typename Key>
  const Value* find(const Key& key) const {
    const auto [group, bucket] = place(key);
    if (!groups_[group] || !(*groups_[group])[bucket]) return nullptr;
    const Bucket& values = *(*groups_[group])[bucket];
    const auto found = std::ranges::find_if(values, [&](const Value& v) { return KeyOf{}(v) == key; });
    return found == values.end() ? nullptr : &*found;
  }

  // Replaces the value of the same key, if there is one.
  void insert_or_assign(Value value) {
    change(KeyOf{}(value), [&](Bucket& bucket, typename Bucket::iterator found) {
      if (found != bucket.end()) {
        *found = std::move(value);
      } else {
        bucket.push_back(std::move(value));
        ++size_;
      }
    });
  }

  template <typename Key>
  void erase(const Key& key) {
    if (!find(key)) return;
    change(key, [&](Bucket& bucket, typename Bucket::iterator found) {
      bucket.erase(found);
      --size_;
    });
  }

  std::size_t size() const { return size_; }

  template <typename F>
  void for_each(F f) const {
    for (const auto& group : groups_) {
      if (!group) continue;
      for (const auto& bucket : *group) {
        if (bucket) std::ranges::for_each(*bucket, f);
      }
    }
  }

 private:
  template <typename Key>
  static std::pair<std::size_t, std::size_t> place(const Key& key) {
    const std::size_t hash = std::hash<std::remove_cvref_t<decltype(KeyOf{}(std::declval<const Value&>()))>>{}(key);
    // The low bits of a fast hash may be the text's own; mix the halves.
    const std::size_t mixed = (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15ULL;
    return {mixed >> 58, (mixed >> 52) & 63};
  }

  template <typename Key, typename F>
  void change(const Key& key, F f) {
    const auto [group_index, bucket_index] = place(key);
    auto& group = groups_[group_index];
    auto new_group = group ? std::make_shared<Group>(*group) : std::make_shared<Group>();
    auto& bucket = (*new_group)[bucket_index];
    auto new_bucket = bucket ? std::make_shared<Bucket>(*bucket) : std::make_shared<Bucket>();
    f(*new_bucket, std::ranges::find_if(*new_bucket, [&](const Value& v) { return KeyOf{}(v) == key; }));
    bucket = new_bucket->empty() ? nullptr : std::move(new_bucket);
    group = std::move(new_group);
  }

  std::array<std::shared_ptr<const Group>, 64> groups_;
  std::size_t size_ = 0;
};

}  // namespace broker
