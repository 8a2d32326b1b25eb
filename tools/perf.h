// What `barnabas perf` does: load on a topic from one thread, and what came of it. Each function prints its result to
// stdout and gives the exit code.
#pragma once

#include <cstdint>
#include <string>

#include "tools/cluster_session.h"
#include "tools/consumer.h"

namespace tools {

// When a run ends: whichever comes first. 0: no limit.
struct PerfLimits {
  std::int64_t records = 0;
  int seconds = 0;
};

struct ProduceLoad {
  std::string topic;
  std::int32_t partitions = 0;  // of the topic that is made for it when missing; 0: the broker's default
  PerfLimits limits;
  std::int32_t record_bytes = 100;
  std::int32_t batch_bytes = 65'536;
  std::string codec = "none";
  std::int16_t acks = -1;
  std::int64_t records_per_s = 0;  // 0: as many as possible
  int in_flight = 5;               // requests without an answer, for each broker
};
int perf_produce(const SessionOptions& session, const ProduceLoad& load);

struct ConsumeLoad {
  ConsumerOptions consumer;
  PerfLimits limits;
  bool until_end = false;
  bool from_end = false;  // only records that come now: then their age is told
};
int perf_consume(const SessionOptions& session, const ConsumeLoad& load);

}  // namespace tools
