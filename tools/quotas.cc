#include "tools/quotas.h"

#include <fmt/format.h>

#include "protocol/messages/alter_client_quotas.h"
#include "protocol/messages/describe_client_quotas.h"
#include "tools/command.h"
#include "tools/configs.h"
#include "tools/text.h"

namespace tools {
namespace {

using protocol::DescribeClientQuotasRequest, protocol::DescribeClientQuotasResponse;

constexpr std::int8_t match_exact = 0, match_default = 1, match_any = 2;

std::string_view word_of(std::string_view type) { return type == "client-id" ? "client" : type; }

// "client app", "all clients", "user alice, client app".
template <typename Entity>
std::string title(const Entity& entity) {
  std::string text;
  for (const auto& part : entity) {
    if (!text.empty()) text += ", ";
    const std::string_view word = word_of(part.entity_type.view());
    text += part.entity_name ? fmt::format("{} {}", word, part.entity_name->view()) : fmt::format("all {}s", word);
  }
  return text;
}

void add_filter(DescribeClientQuotasRequest& request, const QuotaOwner& owner, std::int8_t match,
                const std::string* name) {
  auto& component = request.components.emplace_back();
  component.entity_type = owner.type;
  component.match_type = match;
  component.match.reset();
  if (name != nullptr) component.match = protocol::String(*name);
}

void write(JsonWriter& json, const DescribeClientQuotasResponse::EntryData& entry) {
  json.begin_object().name("entity").begin_object();
  for (const auto& part : entry.entity) {
    json.name(word_of(part.entity_type.view()));
    if (part.entity_name) {
      json.value(part.entity_name->view());
    } else {
      json.null();
    }
  }
  json.end_object().name("quotas").begin_object();
  for (const auto& value : entry.values) json.field(value.key.view(), value.value);
  json.end_object().end_object();
}

void print(const DescribeClientQuotasResponse::EntryData& entry) {
  fmt::print("{}\n", title(entry.entity));
  for (const auto& value : entry.values) fmt::print("  {} = {}\n", value.key.view(), value.value);
}

}  // namespace

std::optional<QuotaOwner> quota_owner(std::string_view kind) {
  if (kind == "user" || kind == "all-users") return QuotaOwner{.type = "user", .name = {}};
  if (kind == "client" || kind == "all-clients") return QuotaOwner{.type = "client-id", .name = {}};
  if (kind == "ip" || kind == "all-ips") return QuotaOwner{.type = "ip", .name = {}};
  return std::nullopt;
}

int describe_quotas(const SessionOptions& session, const QuotaOwner& owner, const std::vector<std::string>& names,
                    bool is_default) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  std::vector<DescribeClientQuotasRequest> requests;
  if (names.empty()) add_filter(requests.emplace_back(), owner, is_default ? match_default : match_any, nullptr);
  for (const std::string& name : names) add_filter(requests.emplace_back(), owner, match_exact, &name);
  JsonWriter json;
  json.begin_array();
  std::size_t shown = 0;
  for (const DescribeClientQuotasRequest& request : requests) {
    const auto reply = cluster->call_broker(cluster->controller_id(), request);
    if (!reply) return report(reply.error());
    if ((*reply)->error_code != protocol::ErrorCode::none) {
      return report(protocol::Error((*reply)->error_code, describe((*reply)->error_code, (*reply)->error_message)));
    }
    if (!(*reply)->entries) continue;
    for (const auto& entry : *(*reply)->entries) {
      ++shown;
      if (session.json) {
        write(json, entry);
      } else {
        print(entry);
      }
    }
  }
  if (session.json) {
    fmt::print("{}\n", json.end_array().text());
  } else if (shown == 0) {
    fmt::print("no quotas are set\n");
  }
  return exit_code::ok;
}

int alter_quotas(const SessionOptions& session, const AlterQuotas& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  protocol::AlterClientQuotasRequest request{.validate_only = wanted.validate_only};
  auto& entry = request.entries.emplace_back();
  auto& part = entry.entity.emplace_back();
  part.entity_type = wanted.owner.type;
  part.entity_name.reset();
  if (wanted.owner.name) part.entity_name = protocol::String(*wanted.owner.name);
  for (const auto& [key, value] : wanted.set) {
    auto& op = entry.ops.emplace_back();
    op.key = key;
    op.value = value;
  }
  for (const std::string& key : wanted.unset) {
    auto& op = entry.ops.emplace_back();
    op.key = key;
    op.remove = true;
  }
  const auto reply = cluster->call_broker(cluster->controller_id(), request);
  if (!reply) return report(reply.error(), title(entry.entity));
  Outcomes outcomes(session, word_of(wanted.owner.type), wanted.validate_only ? "could alter" : "altered");
  for (const auto& result : (*reply)->entries) {
    outcomes.add(session.json ? wanted.owner.name.value_or("") : title(result.entity), result.error_code,
                 result.error_message);
  }
  return outcomes.finish();
}

}  // namespace tools
