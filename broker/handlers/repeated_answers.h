// RepeatedAnswers: whether a request asks for the same large thing so often that answering would take the broker's
// memory: a few bytes name a group whose description has megabytes. Honest requests name nothing twice, and never get
// here, however much they ask for. A value of one request's handler.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>

namespace broker {

class RepeatedAnswers {
 public:
  static constexpr std::size_t bytes_max = 16 << 20;

  // An answer of so many bytes about `what`. False: that is too much again; see RequestContext::refuse_to_answer().
  bool allow(std::string what, std::size_t bytes) {
    if (seen_.insert(std::move(what)).second) return true;
    bytes_ += bytes;
    return bytes_ <= bytes_max;
  }

 private:
  std::unordered_set<std::string> seen_;
  std::size_t bytes_ = 0;
};

}  // namespace broker
