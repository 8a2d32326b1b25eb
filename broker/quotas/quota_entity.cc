#include "broker/quotas/quota_entity.h"

#include <utility>

namespace broker {
namespace {

constexpr std::string_view default_name = "<default>";
constexpr std::string_view hex_digits = "0123456789ABCDEF";

bool stays_as_it_is(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string sanitized(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (stays_as_it_is(c)) {
      text += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text += '%';
    text += hex_digits[byte >> 4];
    text += hex_digits[byte & 15];
  }
  return text;
}

std::optional<std::string> desanitized(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      name += ' ';
    } else if (text[i] != '%') {
      name += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      name += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return name;
}

std::string node_name(const EntityPart& part) {
  return part.is_named() ? sanitized(part.name) : std::string(default_name);
}

std::optional<EntityPart> parse_node_name(std::string_view name) {
  if (name == default_name) return EntityPart::by_default();
  auto plain = desanitized(name);
  if (!plain) return std::nullopt;
  return EntityPart::named(std::move(*plain));
}

std::optional<QuotaEntity> parse_user_path(std::string_view path) {
  constexpr std::string_view middle = "/clients/";
  const std::size_t at = path.find('/');
  auto user = parse_node_name(path.substr(0, at));
  if (!user) return std::nullopt;
  QuotaEntity entity{.user = std::move(*user), .client_id = {}};
  if (at == std::string_view::npos) return entity;
  path.remove_prefix(at);
  if (!path.starts_with(middle) || path.size() == middle.size()) return std::nullopt;
  auto client_id = parse_node_name(path.substr(middle.size()));
  if (!client_id || path.find('/', middle.size()) != std::string_view::npos) return std::nullopt;
  entity.client_id = std::move(*client_id);
  return entity;
}

}  // namespace broker
