#include "broker/request_context.h"

#include <cassert>

namespace broker {

std::span<std::byte> RequestContext::writable(protocol::Bytes view) const {
  if (view.empty()) return {};
  const auto offset = view.data() - frame_.data();
  assert(offset >= 0 && static_cast<std::size_t>(offset) + view.size() <= frame_.size());
  return frame_.subspan(static_cast<std::size_t>(offset), view.size());
}

}  // namespace broker
