// Many durations in little memory, and their percentiles. Exact to 1/64 of the value. A value for one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/json_writer.h"

namespace tools {

class Latencies {
 public:
  // `count` things that took so long.
  void add(std::int64_t microseconds, std::int64_t count = 1);

  std::int64_t count() const { return count_; }
  std::int64_t max_us() const { return max_us_; }
  double mean_us() const;
  // The smallest value that `percent` of all don't exceed; 0 when there are none.
  std::int64_t percentile_us(double percent) const;

  // "mean 1.2, p50 1.1, p90 2.0, p99 3.1, p99.9 5.0, max 6.2", in milliseconds.
  std::string text() const;
  // The same in microseconds, as fields of an object under `name`: "mean_us", "p50_us" …
  void write(JsonWriter& json, std::string_view name) const;

 private:
  std::vector<std::int64_t> buckets_;
  std::int64_t count_ = 0, max_us_ = 0;
  double sum_us_ = 0;
};

}  // namespace tools
