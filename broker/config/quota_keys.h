// The keys that quotas are stored under, and what their values must be. Constants.
#pragma once

#include <array>
#include <string_view>

namespace broker::quota_key {

inline constexpr std::string_view producer_byte_rate = "producer_byte_rate";              // a whole number
inline constexpr std::string_view consumer_byte_rate = "consumer_byte_rate";              // a whole number
inline constexpr std::string_view request_percentage = "request_percentage";              // any number
inline constexpr std::string_view controller_mutation_rate = "controller_mutation_rate";  // any number
inline constexpr std::string_view connection_creation_rate = "connection_creation_rate";  // an int from 0 on; of ips

// Of users and client ids, in the order of QuotaKind.
inline constexpr std::array of_clients = {producer_byte_rate, consumer_byte_rate, request_percentage,
                                          controller_mutation_rate};

}  // namespace broker::quota_key
