#include "broker/dispatch.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <exception>

#include "broker/handlers/api_versions.h"
#include "broker/network/address_watch.h"

namespace broker {
namespace {

constexpr auto api_versions_key = static_cast<std::int16_t>(protocol::ApiKey::api_versions);
constexpr auto controlled_shutdown_key = static_cast<std::int16_t>(protocol::ApiKey::controlled_shutdown);

// What a decoded request may take beside its frame. The structures of an honest one take up to four times its bytes: a
// million commits are 25 MB on the wire and 70 MB decoded. An array of empty strings takes 24 times.
constexpr std::size_t decoded_bytes_min = 64 << 20;
std::size_t decoded_bytes_max(std::size_t frame_size) { return std::max(decoded_bytes_min, 4 * frame_size); }

void close_because(Reply& reply, std::string reason) {
  reply.action = Reply::Action::close;
  reply.reason = std::move(reason);
}

// ControlledShutdown v0 is the one request whose header ends at the correlation id.
bool has_short_header(const RequestPreamble& preamble) {
  return preamble.api_key == controlled_shutdown_key && preamble.api_version == 0;
}

// What clients ask of any broker, before they go to the one that they need.
bool is_for_the_way(std::int16_t api_key) {
  switch (static_cast<protocol::ApiKey>(api_key)) {
    case protocol::ApiKey::api_versions:
    case protocol::ApiKey::metadata:
    case protocol::ApiKey::describe_cluster:
    case protocol::ApiKey::describe_topic_partitions:
    case protocol::ApiKey::find_coordinator:
    case protocol::ApiKey::init_producer_id:
    case protocol::ApiKey::sasl_handshake:
    case protocol::ApiKey::sasl_authenticate:
      return true;
    default:
      return false;
  }
}

// "alice" of "User:alice".
std::string_view user_name(std::string_view principal) { return principal.substr(principal.find(':') + 1); }

std::int64_t microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

void Dispatcher::follow(ConnectionInfo& connection, const RequestContext::Header& header) const {
  if (!connection.has_arrived) {
    connection.has_arrived = true;
    addresses_->arrived(connection, header.client_id.value_or(""));
  }
  if (connection.is_watched && !is_for_the_way(header.api_key)) {
    connection.is_watched = false;
    addresses_->settled(connection);
  }
}

void Dispatcher::answer_unsupported_api_versions(const RequestPreamble& preamble, Reply& reply) const {
  begin_response(reply.response, preamble.correlation_id, false);
  unsupported_version_answer(apis_).encode(reply.response, 0);
  finish_response(reply.response);
  reply.action = Reply::Action::send;
}

awaitable<void> Dispatcher::serve(const ApiRow& row, RequestContext& context, protocol::Reader& body,
                                  Reply& reply) const {
  try {
    const Served served = co_await row.invoke(row.handler, context, body, reply.response);
    if (served == Served::malformed) {
      close_because(reply, fmt::format("its {} request v{} is malformed: {}", row.name, context.api_version(),
                                       body.ok() ? "refused by the decoder" : body.error().text()));
    } else if (context.answer_refused()) {
      close_because(reply, fmt::format("its {} request asks for the same again and again", row.name));
    } else if (context.connection_close_wanted()) {
      reply.quiet = true;
      close_because(reply, fmt::format("{} asked for it", row.name));
    } else if (context.response_suppressed()) {
      reply.action = Reply::Action::nothing;
    } else if (!reply.response.ok()) {
      spdlog::error("The answer to {} v{} could not be encoded: {}", row.name, context.api_version(),
                    reply.response.error().text());
      close_because(reply, "its request met an internal error");
    } else {
      finish_response(reply.response);
      reply.action = Reply::Action::send;
    }
  } catch (const std::exception& failure) {
    spdlog::error("{} v{} from client \"{}\" at {} failed: {}", row.name, context.api_version(), context.client_id(),
                  context.client_address(), failure.what());
    close_because(reply, "its request met an internal error");
  }
}

awaitable<void> Dispatcher::dispatch(RequestSource source, std::span<std::byte> frame, Reply& reply) const {
  const auto start = std::chrono::steady_clock::now();
  protocol::Reader reader(protocol::Bytes(frame), decoded_bytes_max(frame.size()));
  const auto preamble = read_preamble(reader);
  if (!preamble) co_return close_because(reply, fmt::format("it sent a frame of only {} bytes", frame.size()));

  const ApiRow* row = apis_.find(preamble->api_key);
  if (row == nullptr) {
    co_return close_because(
        reply, fmt::format("it sent a request with API key {}, which this broker doesn't serve", preamble->api_key));
  }
  if (!row->advertised.contains(preamble->api_version)) {
    if (preamble->api_key == api_versions_key) co_return answer_unsupported_api_versions(*preamble, reply);
    co_return close_because(reply, fmt::format("it sent {} v{}; this broker serves v{} to v{}", row->name,
                                               preamble->api_version, row->advertised.min, row->advertised.max));
  }

  const bool flexible = preamble->api_version >= row->first_flexible_version;
  RequestContext::Header header{.api_key = preamble->api_key,
                                .api_version = preamble->api_version,
                                .correlation_id = preamble->correlation_id,
                                .client_id = std::nullopt};
  if (!has_short_header(*preamble) && !read_header_rest(reader, flexible, header.client_id)) {
    co_return close_because(reply, fmt::format("the header of its {} request is malformed", row->name));
  }

  if (addresses_ != nullptr) follow(source.connection, header);
  RequestContext context(source.executor, source.connection, header, frame, source.owner, source.cancel_list);
  std::optional<RequestQuotas> quotas;
  const bool limited =
      quotas_ != nullptr && quotas_->quotas.enforces_any() && row->authorization == Authorization::none;
  if (limited) {
    const QuotaClient client{.user = user_name(context.principal()), .client_id = context.client_id()};
    quotas.emplace(quotas_->quotas, quotas_->clock, client, source.owner, start, source.network_ns);
    context.charge_to(*quotas);
  }
  begin_response(reply.response, preamble->correlation_id, flexible && preamble->api_key != api_versions_key);
  RequestMetrics& counted = metrics_.request(preamble->api_key);
  context.count_in(counted);
  co_await serve(*row, context, reader, reply);

  counted
      .requests_by_version[std::min<std::size_t>(static_cast<std::size_t>(preamble->api_version),
                                                 RequestMetrics::version_limit - 1)]
      .add();
  counted.request_bytes.add(static_cast<std::int64_t>(frame.size()));
  if (reply.action == Reply::Action::send) {
    counted.response_bytes.add(static_cast<std::int64_t>(reply.response.total_size()));
  }
  counted.total_time_us.record(microseconds_since(start));
}

}  // namespace broker
