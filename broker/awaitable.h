// The coroutine type of the broker and the few names of Asio that handlers need.
//
// A coroutine of this type runs on one network thread (one io_context) from its start to its end: every co_await
// returns there. The executor's type is the concrete one, so that nothing on a request's way goes through a type-erased
// executor. Values; no synchronisation of their own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace broker {

using Executor = boost::asio::io_context::executor_type;

template <typename T = void>
using awaitable = boost::asio::awaitable<T, Executor>;

// Completion token for Asio operations: `co_await timer.async_wait(boost::asio::as_tuple(use_awaitable))`.
inline constexpr boost::asio::use_awaitable_t<Executor> use_awaitable{};

}  // namespace broker
