// The type of `bytes` fields in protocol structs: bytes that are either borrowed from the frame or owned.
//
// Converts from and to Bytes without a copy; what must outlive the frame is copied explicitly. Values; no
// synchronisation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "protocol/bytes.h"

namespace protocol {

class ByteString {
 public:
  ByteString() = default;
  // Borrows: `bytes` must outlive this object and its copies.
  ByteString(Bytes bytes) : view_(bytes) {}
  ByteString(std::span<std::byte> bytes) : view_(bytes) {}

  // Owns; copies share the same memory.
  ByteString(std::vector<std::byte>&& bytes)
      : owner_(std::make_shared<const std::vector<std::byte>>(std::move(bytes))) {
    view_ = *owner_;
  }
  static ByteString copy_of(Bytes bytes) { return ByteString(std::vector<std::byte>(bytes.begin(), bytes.end())); }
  static ByteString copy_of(std::string_view text) { return copy_of(as_bytes(text)); }

  operator Bytes() const { return view_; }
  Bytes view() const { return view_; }
  const std::byte* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  auto begin() const { return view_.begin(); }
  auto end() const { return view_.end(); }

  friend bool operator==(const ByteString& a, const ByteString& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  Bytes view_;
  std::shared_ptr<const std::vector<std::byte>> owner_;
};

}  // namespace protocol
