// Views of bytes, and the string type of protocol structs.
//
// Decoded structs view the request's frame; structs that a handler fills own what they were given. String covers both:
// a string_view or literal is borrowed, a std::string is taken over. Values; no synchronisation of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace protocol {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// A string that either borrows its characters (the frame or a literal outlives it) or owns a copy of them.
// At most 2^31 - 1 characters. Copying copies owned characters and shares borrowed ones.
class String {
 public:
  String() = default;
  String(std::string_view borrowed) : data_(borrowed.data()), size_(static_cast<std::uint32_t>(borrowed.size())) {}
  String(const char* literal) : String(std::string_view(literal)) {}
  String(const std::string& text) { own(text); }
  String(std::string&& text) { own(text); }
  String(const String& other) { assign(other); }
  String(String&& other) noexcept { swap(other); }
  String& operator=(const String& other) {
    if (this != &other) {
      String copy(other);
      swap(copy);
    }
    return *this;
  }
  String& operator=(String&& other) noexcept {
    swap(other);
    return *this;
  }
  ~String() {
    if (owned_) delete[] data_;
  }

  operator std::string_view() const { return view(); }
  std::string_view view() const { return {data_, size_}; }
  std::string str() const { return std::string(view()); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  friend bool operator==(const String& a, const String& b) { return a.view() == b.view(); }
  friend bool operator==(const String& a, std::string_view b) { return a.view() == b; }
  friend bool operator==(const String& a, const char* b) { return a.view() == b; }
  friend auto operator<=>(const String& a, const String& b) { return a.view() <=> b.view(); }
  friend std::ostream& operator<<(std::ostream& out, const String& s) { return out << s.view(); }

 private:
  void own(std::string_view text) {
    char* copy = new char[text.size() + 1];
    std::memcpy(copy, text.data(), text.size());
    data_ = copy;
    size_ = static_cast<std::uint32_t>(text.size());
    owned_ = true;
  }
  void assign(const String& other) {
    if (other.owned_) {
      own(other.view());
    } else {
      data_ = other.data_;
      size_ = other.size_;
    }
  }
  void swap(String& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(owned_, other.owned_);
  }

  const char* data_ = "";
  std::uint32_t size_ = 0;
  bool owned_ = false;
};

}  // namespace protocol
