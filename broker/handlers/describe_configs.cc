#include "broker/handlers/describe_configs.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "broker/handlers/repeated_answers.h"

namespace broker {
namespace {

using protocol::ErrorCode;
using Request = protocol::DescribeConfigsRequest;
using Response = protocol::DescribeConfigsResponse;

bool is_known(std::int8_t type) {
  switch (static_cast<ResourceType>(type)) {
    case ResourceType::topic:
    case ResourceType::broker:
    case ResourceType::broker_logger:
    case ResourceType::client_metrics:
      return true;
    default:
      return false;
  }
}

// One resource of an unknown type spoils the whole request, as in Kafka.
Response refuse_all(const Request& request) {
  Response response;
  for (const auto& resource : request.resources) {
    Response::DescribeConfigsResult result;
    result.error_code = ErrorCode::invalid_request;
    result.error_message = protocol::String(protocol::default_message(ErrorCode::invalid_request));
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    response.results.push_back(std::move(result));
  }
  return response;
}

std::optional<protocol::String> as_field(std::optional<std::string> text) {
  if (!text) return std::nullopt;
  return protocol::String(std::move(*text));
}

Response::DescribeConfigsResourceResult to_field(ConfigEntry entry, const Request& request) {
  Response::DescribeConfigsResourceResult field;
  field.name = protocol::String(std::move(entry.name));
  field.value = as_field(std::move(entry.value));
  field.read_only = entry.read_only;
  field.config_source = static_cast<std::int8_t>(entry.source);
  field.is_sensitive = entry.sensitive;
  field.config_type = entry.type;
  field.documentation = std::nullopt;
  if (request.include_documentation) field.documentation = protocol::String(entry.documentation);
  if (!request.include_synonyms) return field;
  for (ConfigSynonym& synonym : entry.synonyms) {
    Response::DescribeConfigsSynonym out;
    out.name = protocol::String(std::move(synonym.name));
    out.value = as_field(std::move(synonym.value));
    out.source = static_cast<std::int8_t>(synonym.source);
    field.synonyms.push_back(std::move(out));
  }
  return field;
}

bool is_wanted(const Request::DescribeConfigsResource& resource, std::string_view name) {
  const auto& keys = resource.configuration_keys;
  return !keys || keys->empty() || std::ranges::find(*keys, name, &protocol::String::view) != keys->end();
}

Response::DescribeConfigsResult describe(const ConfigAdmin& configs, const Request& request,
                                         const Request::DescribeConfigsResource& resource) {
  Response::DescribeConfigsResult result;
  result.resource_type = resource.resource_type;
  result.resource_name = resource.resource_name;
  auto entries = configs.describe(static_cast<ResourceType>(resource.resource_type), resource.resource_name.str());
  if (!entries) {
    result.error_code = entries.error().code;
    if (!entries.error().message.empty()) {
      result.error_message = protocol::String(std::move(entries.error().message));
    }
    return result;
  }
  for (ConfigEntry& entry : *entries) {
    if (is_wanted(resource, entry.name)) result.configs.push_back(to_field(std::move(entry), request));
  }
  return result;
}

std::size_t size_of(const Response::DescribeConfigsResult& result) {
  std::size_t bytes = sizeof(result);
  for (const auto& field : result.configs) {
    bytes += sizeof(field) + field.name.size() + field.synonyms.size() * sizeof(field.synonyms.front());
    if (field.documentation) bytes += field.documentation->size();
  }
  return bytes;
}

}  // namespace

awaitable<Response> DescribeConfigsHandler::handle(RequestContext& context, const Request& request) const {
  const bool all_known =
      std::ranges::all_of(request.resources, [](const auto& resource) { return is_known(resource.resource_type); });
  if (!all_known) co_return refuse_all(request);
  auto describe_all = [this, &request]() -> std::optional<Response> {
    Response response;
    RepeatedAnswers repeated;
    for (const auto& resource : request.resources) {
      const auto& result = response.results.emplace_back(describe(configs_, request, resource));
      const std::string what = fmt::format("{} {}", resource.resource_type, resource.resource_name.view());
      if (!repeated.allow(what, size_of(result))) return std::nullopt;
    }
    return response;
  };
  std::optional<Response> response = co_await background_.run(describe_all);
  if (response) co_return std::move(*response);
  context.refuse_to_answer();
  co_return Response();
}

}  // namespace broker
