// Whom a quota is for: a user, a client id, or both, each by name or as the default of all that have no quota of their
// own. And Kafka's way to write such names into paths. Values.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace broker {

// One part of an entity. Ordered: without, default, named.
template <typename Text>
struct BasicEntityPart {
  enum class Kind : std::uint8_t { none, by_default, named };
  Kind kind = Kind::none;
  Text name = {};  // of Kind::named

  static BasicEntityPart by_default() { return {Kind::by_default, {}}; }
  static BasicEntityPart named(Text name) { return {Kind::named, std::move(name)}; }
  bool is_named() const { return kind == Kind::named; }
  bool is_there() const { return kind != Kind::none; }
};
using EntityPart = BasicEntityPart<std::string>;
using EntityPartView = BasicEntityPart<std::string_view>;

template <typename Text>
struct BasicQuotaEntity {
  BasicEntityPart<Text> user;
  BasicEntityPart<Text> client_id;
};
using QuotaEntity = BasicQuotaEntity<std::string>;
using QuotaEntityView = BasicQuotaEntity<std::string_view>;

// Lets maps be asked with views.
struct QuotaEntityLess {
  using is_transparent = void;
  template <typename A, typename B>
  bool operator()(const BasicQuotaEntity<A>& a, const BasicQuotaEntity<B>& b) const {
    if (const auto order = compare(a.user, b.user); order != 0) return order < 0;
    return compare(a.client_id, b.client_id) < 0;
  }

 private:
  template <typename A, typename B>
  static std::strong_ordering compare(const BasicEntityPart<A>& a, const BasicEntityPart<B>& b) {
    const auto kinds = static_cast<int>(a.kind) <=> static_cast<int>(b.kind);
    if (kinds != 0) return kinds;
    return std::string_view(a.name) <=> std::string_view(b.name);
  }
};

// As in a path: URL-encoded like Java's URLEncoder, with %20 for a blank and %2A for an asterisk.
std::string sanitized(std::string_view name);
// The other way. Nothing: no such text comes out of sanitized(), nor anything that Java's URLDecoder takes.
std::optional<std::string> desanitized(std::string_view text);

// "<default>", "alice": a node's name; and back.
std::string node_name(const EntityPart& part);
std::optional<EntityPart> parse_node_name(std::string_view name);

// "alice" or "alice/clients/app" under /config/users. Nothing: another shape.
std::optional<QuotaEntity> parse_user_path(std::string_view path);

}  // namespace broker
