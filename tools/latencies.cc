#include "tools/latencies.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include <fmt/format.h>

namespace tools {
namespace {

// Values below 128 have a bucket each; above, each power of two has 64.
constexpr int precision_bits = 6;
constexpr std::uint64_t linear_end = std::uint64_t{2} << precision_bits;

std::size_t bucket_of(std::uint64_t value) {
  if (value < linear_end) return value;
  const int shift = std::bit_width(value) - 1 - precision_bits;
  return (static_cast<std::size_t>(shift) << precision_bits) + (value >> shift);
}

// The largest value of a bucket.
std::int64_t end_of(std::size_t bucket) {
  if (bucket < linear_end) return static_cast<std::int64_t>(bucket);
  const std::size_t shift = (bucket >> precision_bits) - 1;
  const std::size_t head = bucket - (shift << precision_bits);
  return static_cast<std::int64_t>(((head + 1) << shift) - 1);
}

struct Percentile {
  const char* name;
  double percent;
};
constexpr std::array<Percentile, 4> shown = {{{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}}};

std::string ms(double microseconds) { return fmt::format("{:.{}f}", microseconds / 1000, microseconds < 9950 ? 2 : 1); }

}  // namespace

void Latencies::add(std::int64_t microseconds, std::int64_t count) {
  microseconds = std::max<std::int64_t>(microseconds, 0);
  const std::size_t bucket = bucket_of(static_cast<std::uint64_t>(microseconds));
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  buckets_[bucket] += count;
  count_ += count;
  sum_us_ += static_cast<double>(microseconds) * static_cast<double>(count);
  max_us_ = std::max(max_us_, microseconds);
}

double Latencies::mean_us() const { return count_ == 0 ? 0 : sum_us_ / static_cast<double>(count_); }

std::int64_t Latencies::percentile_us(double percent) const {
  const auto wanted = static_cast<std::int64_t>(std::ceil(static_cast<double>(count_) * percent / 100));
  std::int64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted && seen > 0) return std::min(end_of(bucket), max_us_);
  }
  return max_us_;
}

std::string Latencies::text() const {
  std::string text = "mean " + ms(mean_us());
  for (const auto& [name, percent] : shown) {
    text += fmt::format(", {} {}", name, ms(static_cast<double>(percentile_us(percent))));
  }
  return text + ", max " + ms(static_cast<double>(max_us_));
}

void Latencies::write(JsonWriter& json, std::string_view name) const {
  json.name(name).begin_object().field("count", count_).field("mean_us", std::llround(mean_us()));
  for (const auto& [label, percent] : shown) json.field(fmt::format("{}_us", label), percentile_us(percent));
  json.field("max_us", max_us_).end_object();
}

}  // namespace tools
