"""Writes api_key.h and api_key.cc: the enumeration of all APIs and what is known of each."""

HEADER = """// Generated from protocol/schema/*.schema; edit those.
// The API keys of requests, and which versions of each the definitions know. Constants; safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/version_range.h"

namespace protocol {

enum class ApiKey : std::int16_t {
%s
};

struct ApiInfo {
  ApiKey key;
  std::string_view name;  // Kafka's, e.g. "OffsetForLeaderEpoch"
  VersionRange versions;
  std::int16_t first_flexible_version;
  VersionRange unstable;  // versions that Kafka does not offer unless told to
};

// All APIs, by ascending key.
std::span<const ApiInfo> all_apis();

// The API of a key from the wire; nullptr when there is none.
const ApiInfo* find_api(std::int16_t key);

// Kafka's name, e.g. "Produce"; "Unknown" for a number that is not a key.
std::string_view name(ApiKey key);

// The version of the header in front of a request, and in front of its response. ApiVersions is answered with header 0
// always, so that a client can read the answer to a version the broker does not know.
std::int16_t request_header_version(ApiKey key, std::int16_t version);
std::int16_t response_header_version(ApiKey key, std::int16_t version);

}  // namespace protocol
"""

SOURCE = """// Generated from protocol/schema/*.schema; edit those.
#include "protocol/api_key.h"

#include <algorithm>

namespace protocol {
namespace {

constexpr ApiInfo apis[] = {
%s
};

bool is_flexible(ApiKey key, std::int16_t version) {
  const ApiInfo* api = find_api(static_cast<std::int16_t>(key));
  return api != nullptr && version >= api->first_flexible_version;
}

}  // namespace

std::span<const ApiInfo> all_apis() { return apis; }

const ApiInfo* find_api(std::int16_t key) {
  const auto at = std::ranges::lower_bound(apis, static_cast<ApiKey>(key), {}, &ApiInfo::key);
  return at != std::end(apis) && at->key == static_cast<ApiKey>(key) ? at : nullptr;
}

std::string_view name(ApiKey key) {
  const ApiInfo* api = find_api(static_cast<std::int16_t>(key));
  return api == nullptr ? std::string_view("Unknown") : api->name;
}

std::int16_t request_header_version(ApiKey key, std::int16_t version) {
  if (key == ApiKey::controlled_shutdown && version == 0) return 0;  // older than client ids
  return is_flexible(key, version) ? 2 : 1;
}

std::int16_t response_header_version(ApiKey key, std::int16_t version) {
  return key != ApiKey::api_versions && is_flexible(key, version) ? 1 : 0;
}

}  // namespace protocol
"""


def _apis(schemas):
    return sorted((schema for schema in schemas if schema.api_key is not None), key=lambda schema: schema.api_key)


def header(schemas):
    return HEADER % "\n".join(f"  {schema.file_name} = {schema.api_key}," for schema in _apis(schemas))


def source(schemas):
    rows = []
    for schema in _apis(schemas):
        first = schema.flexible.low if schema.flexible else "never_flexible"
        unstable = f"{schema.unstable.low}, {schema.unstable.high}" if schema.unstable else ""
        rows.append(f'    {{ApiKey::{schema.file_name}, "{schema.name}", '
                    f"{{{schema.versions.low}, {schema.versions.high}}}, {first}, {{{unstable}}}}},")
    return SOURCE % "\n".join(rows)
