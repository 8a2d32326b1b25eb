// Our side of compat-tests/records: writes batches of all formats and codecs, and prints batches, the leader's
// validation and down-conversion as text that a Java program prints, too.
//   records_interop write DIR | write-produced DIR | dump DIR | validate DIR | convert DIR
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "protocol/records/control_record.h"
#include "protocol/records/conversion.h"
#include "protocol/records/crc32c.h"
#include "protocol/records/testing.h"
#include "protocol/records/validation.h"

namespace protocol {
namespace {

namespace fs = std::filesystem;

constexpr TimestampMs now = 1'700'000'050'000;

std::vector<std::byte> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

void write_file(const fs::path& path, Bytes bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::vector<fs::path> files_of(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ".bin") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::string text(const std::optional<Bytes>& bytes) {
  return bytes ? fmt::format("{}:{}", bytes->size(), crc32c(*bytes)) : "null";
}

// As DefaultRecordBatch and LegacyRecordBatch number the types: -1 for none.
int number(TimestampType type) { return static_cast<int>(type); }

void dump(Bytes bytes, std::string& out) {
  RecordScratch scratch;
  BatchReader batches(bytes);
  RecordBatchView batch;
  while (batches.next(batch) == BatchStatus::ok) {
    out += fmt::format(
        "batch magic {} offsets {} {} sequences {} {} producer {} {} epoch {} flags {}{} horizon {} codec {} time {} "
        "{} count {} crc {} {}\n",
        batch.magic(), first_offset(batch, scratch).value_or(-99), batch.last_offset(), batch.base_sequence(),
        batch.last_sequence(), batch.producer_id(), batch.producer_epoch(), batch.partition_leader_epoch(),
        batch.is_transactional() ? 1 : 0, batch.is_control() ? 1 : 0, batch.delete_horizon().value_or(-1),
        name(batch.compression()), number(batch.timestamp_type()), batch.max_timestamp(), batch.record_count(),
        batch.stored_crc(), batch.crc_matches() ? "valid" : "invalid");
    RecordReader reader(batch, scratch);
    RecordView record;
    while (reader.next(record)) {
      out += fmt::format("  {} at {} sequence {} key {} value {}", record.offset, record.timestamp, record.sequence,
                         text(record.key), text(record.value));
      for (const RecordHeader& header : record.headers)
        out += fmt::format(" header {} {}", text(as_bytes(header.key)), text(header.value));
      out += '\n';
    }
    if (const auto read = reader.finish(); !read) out += fmt::format("  {}\n", read.error().text());
  }
}

void dump_briefly(Bytes bytes, std::string& out) {
  RecordScratch scratch;
  BatchReader batches(bytes);
  RecordBatchView batch;
  while (batches.next(batch) == BatchStatus::ok) {
    out += fmt::format(
        "  batch magic {} last {} sequence {} producer {} {} epoch {} flags {}{} codec {} time {} {} count {} {}\n",
        batch.magic(), batch.last_offset(), batch.base_sequence(), batch.producer_id(), batch.producer_epoch(),
        batch.partition_leader_epoch(), batch.is_transactional() ? 1 : 0, batch.is_control() ? 1 : 0,
        name(batch.compression()), number(batch.timestamp_type()), batch.max_timestamp(), batch.record_count(),
        batch.crc_matches() ? "valid" : "invalid");
    RecordReader reader(batch, scratch);
    RecordView record;
    while (reader.next(record)) {
      out += fmt::format("    {} at {} key {} value {} headers {}\n", record.offset, record.timestamp, text(record.key),
                         text(record.value), record.headers.size());
    }
    if (const auto read = reader.finish(); !read) out += fmt::format("    {}\n", read.error().text());
  }
}

std::string upper_name(ErrorCode code) {
  std::string text(name(code));
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// Settings from the name: number-codec-time-compacted-range.bin.
PrepareOptions settings_of(const std::string& file) {
  PrepareOptions options{.now = now, .partition = "orders-3"};
  const auto has = [&](std::string_view part) { return file.find(part) != std::string::npos; };
  const auto codec = file.substr(file.find('-') + 1, file.find('-', file.find('-') + 1) - file.find('-') - 1);
  if (const auto type = parse_compression_type(codec)) options.compression = Compression::of(*type);
  if (has("-append-")) options.timestamp_type = TimestampType::log_append_time;
  options.compacted = has("-compacted-");
  if (has("-range.")) {
    options.timestamp_before_max_ms = 60'000;
    options.timestamp_after_max_ms = 10'000;
  }
  return options;
}

void validate(const fs::path& file, std::string& out) {
  RecordScratch scratch;
  const auto bytes = read_file(file);
  const auto summary = analyze_records(bytes, {.partition = "orders-3"});
  if (!summary) {
    out += fmt::format("  {}\n", upper_name(summary.error().code));
    return;
  }
  if (summary->valid_bytes == 0) {
    out += "  nothing\n";
    return;
  }
  auto prepared = prepare_append(bytes, *summary, settings_of(file.filename()), scratch);
  if (!prepared) {
    out += "  " + upper_name(prepared.error().error.code);
    const auto& errors = prepared.error().record_errors;
    for (std::size_t i = 0; i < errors.size(); ++i)
      out += fmt::format("{}{}", i == 0 ? " " : ",", errors[i].batch_index);
    out += '\n';
    return;
  }
  prepared->assign(1000, 7);
  out += fmt::format("  ok max {} next {}\n", prepared->max_timestamp(), prepared->last_offset() + 1);
  std::vector<std::byte> written(prepared->header().begin(), prepared->header().end());
  written.insert(written.end(), prepared->body().begin(), prepared->body().end());
  dump_briefly(written, out);
}

void convert(const fs::path& file, std::string& out) {
  const auto bytes = read_file(file);
  for (const std::int8_t magic : {magic_v1, magic_v0}) {
    out += fmt::format("{} to {}\n", file.filename().string(), magic);
    RecordScratch scratch;
    const auto converted = down_convert(bytes, magic, 0, scratch);
    if (converted) {
      dump_briefly(*converted, out);
    } else {
      out += fmt::format("  {}\n", upper_name(converted.error().code));
    }
  }
}

BatchOptions random_options(std::mt19937& random, std::int8_t magic, CompressionType codec) {
  BatchOptions options{
      .magic = magic, .compression = Compression::of(codec), .base_offset = static_cast<Offset>(random() % 1'000'000)};
  if (magic != magic_v0 && random() % 2 == 0) {
    options.timestamp_type = TimestampType::log_append_time;
    options.log_append_time = now;
  }
  if (magic == magic_v2 && random() % 2 == 0) {
    options.producer_id = static_cast<ProducerId>(random() % 10'000);
    options.producer_epoch = static_cast<ProducerEpoch>(random() % 100);
    options.base_sequence = static_cast<std::int32_t>(random() & 0x7FFFFFFF);
    options.transactional = random() % 2 == 0;
  }
  if (magic == magic_v2) options.partition_leader_epoch = static_cast<LeaderEpoch>(random() % 10);
  return options;
}

void write(const fs::path& directory) {
  std::mt19937 random(11);
  int file = 0;
  for (const std::int8_t magic : {magic_v0, magic_v1, magic_v2}) {
    for (const CompressionType codec : testing::codecs_of(magic)) {
      for (const std::size_t count : {1u, 3u, 50u, 2'000u, 5u, 6u}) {
        const auto records = testing::random_records(random, count, magic, count < 100 ? 20'000 : 100);
        write_file(directory / fmt::format("ours-{:03}.bin", file++),
                   testing::build(random_options(random, magic, codec), records));
      }
    }
  }
  write_file(directory / "ours-marker.bin",
             build_end_transaction_marker({ControlRecordType::abort, 5}, 77, 2, now, 40, 6));
  write_file(directory / "ours-horizon.bin",
             testing::build({.delete_horizon = now}, {{.timestamp = now - 5, .key = "k"}}));
  RecordBatchView batch;
  const auto original = testing::build({.base_offset = 8, .producer_id = 5, .producer_epoch = 0, .base_sequence = 3},
                                       {{.key = "a"}, {.key = "b"}});
  RecordBatchView::parse(original, batch);
  write_file(directory / "ours-empty.bin", build_empty_batch(batch));
}

// Changes some bytes, then makes frame and checksum right again, so that what lies inside is looked at.
void damage(std::vector<std::byte>& bytes, std::mt19937& random) {
  const auto magic = static_cast<std::int8_t>(bytes[batch_v2::magic]);
  const std::size_t first = magic == magic_v2 && random() % 2 == 0 ? batch_v2::records : batch_v2::magic + 1;
  for (auto left = 1 + random() % 2; left > 0; --left) {
    bytes[first + random() % (bytes.size() - first)] =
        static_cast<std::byte>(random() % 3 == 0 ? random() : random() % 8);
  }
  RecordBatchView batch;
  if (RecordBatchView::parse(bytes, batch) != BatchStatus::ok) return;
  store_be(bytes.data() + (magic == magic_v2 ? batch_v2::crc : message::crc), batch.computed_crc());
}

void write_produced(const fs::path& directory) {
  std::mt19937 random(13);
  constexpr std::array targets = {"producer", "producer", "none", "gzip", "snappy", "lz4", "zstd"};
  int file = 0;
  for (const std::int8_t magic : {magic_v0, magic_v1, magic_v2}) {
    for (const CompressionType codec : testing::codecs_of(magic)) {
      for (int round = 0; round < 240; ++round) {
        auto options = random_options(random, magic, codec);
        options.base_offset = random() % 20 == 0 ? 1 : 0;
        if (random() % 4 != 0) options.timestamp_type = TimestampType::create_time;
        auto bytes = testing::build(options, testing::random_records(random, 1 + random() % 6, magic, 60));
        if (round % 3 == 0) damage(bytes, random);
        if (random() % 25 == 0) bytes.resize(bytes.size() - 1);
        write_file(
            directory / fmt::format("{:05}-{}-{}-{}-{}.bin", file++, targets[random() % targets.size()],
                                    random() % 3 == 0 ? "append" : "create",
                                    random() % 3 == 0 ? "compacted" : "keyless", random() % 3 == 0 ? "range" : "any"),
            bytes);
      }
    }
  }
}

int run(std::string_view mode, const fs::path& directory) {
  if (mode == "write") {
    write(directory);
    return 0;
  }
  if (mode == "write-produced") {
    write_produced(directory);
    return 0;
  }
  std::string out;
  for (const auto& file : files_of(directory)) {
    if (mode == "convert") {
      convert(file, out);
      continue;
    }
    out += file.filename().string() + '\n';
    if (mode == "dump") dump(read_file(file), out);
    if (mode == "validate") validate(file, out);
  }
  std::cout << out;
  return 0;
}

}  // namespace
}  // namespace protocol

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: records_interop write|write-produced|dump|validate|convert DIR\n";
    return 2;
  }
  return protocol::run(argv[1], argv[2]);
}
