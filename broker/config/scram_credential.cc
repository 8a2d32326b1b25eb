#include "broker/config/scram_credential.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "broker/config/text.h"

namespace broker {
namespace {

using protocol::as_bytes, protocol::Bytes;

constexpr std::array<ScramMechanism, 2> known{{
    {.number = 1, .name = "SCRAM-SHA-256", .hash = ScramMechanism::Hash::sha256},
    {.number = 2, .name = "SCRAM-SHA-512", .hash = ScramMechanism::Hash::sha512},
}};

const EVP_MD* digest_of(const ScramMechanism& mechanism) {
  return mechanism.hash == ScramMechanism::Hash::sha256 ? EVP_sha256() : EVP_sha512();
}

const unsigned char* unsigned_data(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

// A digest or an HMAC, at most 64 bytes. Wiped when it goes: it may be a key.
struct Digest {
  std::array<unsigned char, EVP_MAX_MD_SIZE> data{};
  unsigned size = 0;

  Digest() = default;
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  ~Digest() { OPENSSL_cleanse(data.data(), data.size()); }

  Bytes bytes() const { return std::as_bytes(std::span(data.data(), size)); }
};

bool hmac(const EVP_MD* digest, Bytes key, std::string_view text, Digest& out) {
  return HMAC(digest, key.data(), static_cast<int>(key.size()), unsigned_data(as_bytes(text)), text.size(),
              out.data.data(), &out.size) != nullptr;
}

bool hash(const EVP_MD* digest, Bytes bytes, Digest& out) {
  return EVP_Digest(bytes.data(), bytes.size(), out.data.data(), &out.size, digest, nullptr) == 1;
}

std::string base64(Bytes bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), unsigned_data(bytes), static_cast<int>(bytes.size()));
  return text;
}

}  // namespace

std::span<const ScramMechanism> scram_mechanisms() { return known; }

const ScramMechanism* scram_mechanism(std::int8_t number) {
  const auto found = std::ranges::find(known, number, &ScramMechanism::number);
  return found == known.end() ? nullptr : &*found;
}

const ScramMechanism* scram_mechanism(std::string_view name) {
  const auto found = std::ranges::find(known, name, &ScramMechanism::name);
  return found == known.end() ? nullptr : &*found;
}

std::optional<std::string> scram_credential(const ScramMechanism& mechanism, Bytes salt, Bytes salted_password,
                                            std::int32_t iterations) {
  if (salted_password.empty()) return std::nullopt;
  const EVP_MD* digest = digest_of(mechanism);
  Digest client_key, stored_key, server_key;
  if (!hmac(digest, salted_password, "Client Key", client_key) || !hash(digest, client_key.bytes(), stored_key) ||
      !hmac(digest, salted_password, "Server Key", server_key)) {
    return std::nullopt;
  }
  return fmt::format("salt={},stored_key={},server_key={},iterations={}", base64(salt), base64(stored_key.bytes()),
                     base64(server_key.bytes()), iterations);
}

std::optional<std::int32_t> scram_iterations(std::string_view credential) {
  constexpr std::string_view key = "iterations=";
  for (const std::string_view item : split_list(credential)) {
    if (!item.starts_with(key)) continue;
    const auto number = parse_int64(item.substr(key.size()));
    if (number && std::in_range<std::int32_t>(*number)) return static_cast<std::int32_t>(*number);
  }
  return std::nullopt;
}

}  // namespace broker
