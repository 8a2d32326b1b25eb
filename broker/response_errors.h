// The error codes in a response, for the metric that counts them. Pure functions on generated structs: they are found
// by the names that Kafka's schemas give to error codes and to the lists that hold them.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "protocol/error_code.h"

namespace broker {

template <typename Message, typename Count>
std::size_t count_errors(const Message& message, const Count& count);

namespace response_errors {

template <typename Item, typename Count>
std::size_t of_list(const std::vector<Item>& items, const Count& count) {
  std::size_t found = 0;
  for (const Item& item : items) found += count_errors(item, count);
  return found;
}

template <typename Item, typename Count>
std::size_t of_list(const std::optional<std::vector<Item>>& items, const Count& count) {
  return items ? of_list(*items, count) : 0;
}

// Lists of something else.
template <typename Other, typename Count>
std::size_t of_list(const Other&, const Count&) {
  return 0;
}

}  // namespace response_errors

// Calls count(code) for each and returns how many there were. Success of the whole is left out when the parts speak for
// themselves: most of these fields are of versions whose answers have no parts.
template <typename Message, typename Count>
std::size_t count_errors(const Message& message, const Count& count) {
  using response_errors::of_list;
  std::size_t found = 0;
  if constexpr (requires { message.responses; }) found += of_list(message.responses, count);
  if constexpr (requires { message.partition_responses; }) found += of_list(message.partition_responses, count);
  if constexpr (requires { message.topics; }) found += of_list(message.topics, count);
  if constexpr (requires { message.partitions; }) found += of_list(message.partitions, count);
  if constexpr (requires { message.groups; }) found += of_list(message.groups, count);
  if constexpr (requires { message.members; }) found += of_list(message.members, count);
  if constexpr (requires { message.results; }) found += of_list(message.results, count);
  if constexpr (requires { message.coordinators; }) found += of_list(message.coordinators, count);
  if constexpr (requires { message.error_code; }) {
    if (found == 0 || message.error_code != protocol::ErrorCode::none) {
      count(message.error_code);
      ++found;
    }
  }
  return found;
}

}  // namespace broker
