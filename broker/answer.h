// answer_of(): how a request waits for a callback that may come from any thread, also before the call returns (the
// controller's answers). Stateless; one call belongs to one handler's coroutine.
//
//   const auto found = co_await answer_of<Result<Reassignments>>(context, [&](auto done) { ask(…, std::move(done)); });
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "broker/awaitable.h"
#include "broker/request_context.h"
#include "broker/waiter.h"

namespace broker {

// Calls `ask` with a copyable `done`, to be called once with a T. None: the connection closed or the broker stops.
template <typename T, typename Ask>
awaitable<std::optional<T>> answer_of(const RequestContext& context, Ask ask) {
  Waiter waiter(context);
  // Shared with the callback, which may come when nobody waits any more. Written before notify(), read after it.
  auto answer = std::make_shared<std::optional<T>>();
  ask([answer, handle = waiter.handle()](T value) {
    *answer = std::move(value);
    handle.notify();
  });
  const Wake wake = co_await waiter.wait_for(std::numeric_limits<std::int64_t>::max());
  if (wake != Wake::notified) co_return std::nullopt;
  co_return std::move(*answer);
}

}  // namespace broker
