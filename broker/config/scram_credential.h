// What is stored of a user's password for SCRAM (RFC 5802, RFC 7677): a salt and two keys from which nobody finds the
// password, as the text that Kafka's ScramCredentialUtils reads and writes.
//
// Plain functions, for every thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/bytes.h"

namespace broker {

// KIP-554's numbers, with the names under which credentials lie in a user's node.
struct ScramMechanism {
  enum class Hash : std::uint8_t { sha256, sha512 };
  std::int8_t number;
  std::string_view name;
  Hash hash;
};

std::span<const ScramMechanism> scram_mechanisms();            // by number
const ScramMechanism* scram_mechanism(std::int8_t number);     // nullptr: no such mechanism
const ScramMechanism* scram_mechanism(std::string_view name);  // nullptr: no such mechanism

inline constexpr std::int32_t least_scram_iterations = 4'096;
inline constexpr std::int32_t most_scram_iterations = 16'384;

// "salt=…,stored_key=…,server_key=…,iterations=4096" from a password that the client has salted. Nothing: the salted
// password is empty, of which no key is made.
std::optional<std::string> scram_credential(const ScramMechanism& mechanism, protocol::Bytes salt,
                                            protocol::Bytes salted_password, std::int32_t iterations);

// The iterations of such a text. Nothing: it holds none.
std::optional<std::int32_t> scram_iterations(std::string_view credential);

}  // namespace broker
