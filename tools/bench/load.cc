// The load of `tools/dev bench`: one connection, requests encoded once and sent with a bounded window, so that the
// client's own work stays small beside the broker's. Works against any broker that speaks Kafka's protocol, and against
// the bare kernel floor (floor.cc), which answers frames without understanding them.
//
//   load create  PORT TOPIC                                    makes the topic by asking for its metadata
//   load produce PORT TOPIC BYTES BATCH_BYTES RECORD_BYTES WINDOW   sends about BYTES, one batch a request
//   load fetch   PORT TOPIC BYTES PARTITION_BYTES              reads the topic from its start until BYTES came
//   load floor-fetch PORT BYTES                                the same number of bytes from the floor
//
// Prints one line of JSON: requests, bytes, seconds.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/records/record_batch.h"
#include "protocol/records/record_batch_builder.h"
#include "tools/bench/connection.h"

namespace {

using bench::Buffer;
using bench::Connection;
using bench::correlation_bytes;
using bench::frame_of;
using bench::response_of;

constexpr protocol::ApiVersion metadata_version = 4;
constexpr protocol::ApiVersion produce_version = 7;
constexpr protocol::ApiVersion fetch_version = 11;

void create(Connection& connection, const std::string& topic) {
  protocol::MetadataRequest request;
  request.topics.emplace().emplace_back().name = protocol::String(topic);
  request.allow_auto_topic_creation = true;
  const Buffer frame = frame_of(request, metadata_version);
  for (int attempt = 0; attempt < 2400; ++attempt) {
    connection.send(frame);
    const auto response = response_of<protocol::MetadataResponse>(connection.receive(), metadata_version);
    const auto& answer = response.topics.at(0);
    if (answer.error_code == protocol::ErrorCode::none && answer.partitions.at(0).leader_id >= 0) return;
    ::usleep(50'000);
  }
  throw std::runtime_error("topic " + topic + " got no leader in two minutes");
}

// A batch of about `batch_bytes`, of records whose values don't compress.
Buffer batch_of(std::size_t batch_bytes, std::size_t record_bytes) {
  protocol::RecordBatchBuilder builder({});
  Buffer value(record_bytes);
  std::uint32_t random = 12345;
  const protocol::TimestampMs now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  do {
    for (std::byte& b : value) b = static_cast<std::byte>((random = random * 1664525 + 1013904223) >> 24);
    builder.append(now, std::nullopt, protocol::Bytes(value));
  } while (builder.uncompressed_size() + record_bytes + 16 < batch_bytes);
  return builder.build().value();
}

struct Totals {
  std::size_t requests = 0;
  std::size_t bytes = 0;
};

Totals produce(Connection& connection, const std::string& topic, std::size_t bytes, std::size_t batch_bytes,
               std::size_t record_bytes, std::size_t window) {
  const Buffer batch = batch_of(batch_bytes, record_bytes);
  protocol::ProduceRequest request;
  request.acks = 1;
  request.timeout_ms = 30'000;
  auto& data = request.topic_data.emplace_back();
  data.name = protocol::String(topic);
  auto& partition = data.partition_data.emplace_back();
  partition.index = 0;
  partition.records = protocol::Records(protocol::Bytes(batch));
  const Buffer frame = frame_of(request, produce_version);

  Totals totals;
  const std::size_t wanted = std::max<std::size_t>(1, bytes / batch.size());
  for (std::size_t answered = 0; answered < wanted; ++answered) {
    for (; totals.requests < wanted && totals.requests - answered < window; ++totals.requests) {
      connection.send(frame);
      totals.bytes += batch.size();
    }
    const protocol::Bytes answer = connection.receive();
    if (answer.size() <= correlation_bytes + 4) continue;  // the floor's
    const auto response = response_of<protocol::ProduceResponse>(answer, produce_version);
    const auto error = response.responses.at(0).partition_responses.at(0).error_code;
    if (error != protocol::ErrorCode::none) throw std::runtime_error("produce: " + std::string(protocol::name(error)));
  }
  return totals;
}

Totals fetch(Connection& connection, const std::string& topic, std::size_t bytes, std::int32_t partition_bytes) {
  protocol::FetchRequest request;
  request.replica_id = -1;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.max_bytes = 50 << 20;
  request.session_epoch = -1;
  auto& asked = request.topics.emplace_back();
  asked.topic = protocol::String(topic);
  auto& partition = asked.partitions.emplace_back();
  partition.partition_max_bytes = partition_bytes;

  Totals totals;
  for (int empty = 0; totals.bytes < bytes && empty < 20; ++totals.requests) {
    connection.send(frame_of(request, fetch_version));
    const auto response = response_of<protocol::FetchResponse>(connection.receive(), fetch_version);
    const auto& answer = response.responses.at(0).partitions.at(0);
    if (answer.error_code != protocol::ErrorCode::none) {
      throw std::runtime_error("fetch: " + std::string(protocol::name(answer.error_code)));
    }
    const protocol::Bytes records = answer.records ? answer.records->bytes() : protocol::Bytes();
    empty = records.empty() ? empty + 1 : 0;
    totals.bytes += records.size();
    // Only v2 headers are looked at: the records themselves are the client's business.
    for (std::size_t at = 0; at + protocol::batch_v2::header_size <= records.size();) {
      protocol::Reader header(records.subspan(at));
      const auto base = header.read<std::int64_t>();
      const auto length = header.read<std::int32_t>();
      header.skip(protocol::batch_v2::last_offset_delta - header.position());
      if (at + static_cast<std::size_t>(length) + 12 > records.size()) break;
      partition.fetch_offset = base + header.read<std::int32_t>() + 1;
      at += static_cast<std::size_t>(length) + 12;
    }
  }
  return totals;
}

Totals floor_fetch(Connection& connection, std::size_t bytes) {
  const Buffer frame = frame_of(protocol::FetchRequest{}, fetch_version);
  Totals totals;
  for (; totals.bytes < bytes; ++totals.requests) {
    connection.send(frame);
    totals.bytes += connection.receive().size();
  }
  return totals;
}

Totals run(int argc, char** argv) {
  const std::string_view what = argv[1];
  Connection connection(static_cast<std::uint16_t>(std::atoi(argv[2])));
  const auto number = [&](int index) { return argc > index ? std::strtoull(argv[index], nullptr, 10) : 0ULL; };
  if (what == "produce") return produce(connection, argv[3], number(4), number(5), number(6), number(7));
  if (what == "fetch") return fetch(connection, argv[3], number(4), static_cast<std::int32_t>(number(5)));
  if (what == "floor-fetch") return floor_fetch(connection, number(3));
  create(connection, argv[3]);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: load create|produce|fetch|floor-fetch PORT …\n");
    return 2;
  }
  try {
    const auto begin = std::chrono::steady_clock::now();
    const Totals totals = run(argc, argv);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("{\"requests\": %zu, \"bytes\": %zu, \"seconds\": %.3f}\n", totals.requests, totals.bytes,
                seconds.count());
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "load: %s\n", problem.what());
    return 1;
  }
  return 0;
}
