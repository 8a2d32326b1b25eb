// `barnabas dump-log`: what is in the files of a log, and whether it is sound.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "protocol/records/control_record.h"
#include "tools/cluster_session.h"
#include "tools/command.h"
#include "tools/internal_records.h"
#include "tools/json_writer.h"
#include "tools/progress.h"
#include "tools/segment_scan.h"
#include "tools/text.h"

namespace tools {
namespace {

namespace fs = std::filesystem;
using protocol::RecordBatchView, protocol::RecordView;

struct Options {
  std::vector<std::string> paths;
  bool records = false;
  bool check_only = false;
  bool json = false;
};

constexpr std::size_t line_width = 80;

// "orders-3" -> "orders".
std::string topic_of(const fs::path& log) {
  const std::string directory = fs::absolute(log).parent_path().filename().string();
  return directory.substr(0, directory.rfind('-'));
}

std::string control_text(const RecordView& record) {
  const auto marker = protocol::parse_end_transaction_marker(record);
  if (!marker) return "a control record";
  return fmt::format("{} (coordinator epoch {})",
                     marker->type == protocol::ControlRecordType::commit ? "commit" : "abort",
                     marker->coordinator_epoch);
}

// What is special about a batch, for the line below it; empty for most.
std::string notes_of(const RecordBatchView& batch) {
  std::vector<std::string> notes;
  if (batch.magic() < protocol::magic_v2) notes.push_back(fmt::format("format v{}", batch.magic()));
  if (batch.has_producer_id()) {
    notes.push_back(fmt::format("producer {} epoch {}", batch.producer_id(), batch.producer_epoch()));
    if (batch.base_sequence() >= 0) {
      notes.push_back(fmt::format("sequence {}-{}", batch.base_sequence(), batch.last_sequence()));
    }
  }
  if (batch.is_transactional()) notes.emplace_back("transactional");
  if (batch.is_control()) notes.emplace_back("control");
  if (batch.timestamp_type() == protocol::TimestampType::log_append_time) notes.emplace_back("log append time");
  if (batch.delete_horizon()) notes.push_back(fmt::format("delete horizon {}", utc_time(*batch.delete_horizon())));
  return fmt::format("{}", fmt::join(notes, ", "));
}

class Dump {
 public:
  explicit Dump(const Options& options)
      : options_(options), progress_("records", options.check_only && !options.json) {}

  // The exit code for one segment.
  int segment(const fs::path& log) {
    topic_ = topic_of(log);
    file_ = log.string();
    if (shows_batches() && !options_.json) print_title();
    const auto report = scan_segment(log.string(), [&](const RecordBatchView& batch, std::int64_t position) {
      records_ += std::max(batch.record_count(), 1);
      progress_.update(records_, bytes_ += batch.size());
      if (!options_.check_only) options_.json ? batch_json(batch, position) : batch_text(batch, position);
    });
    progress_.clear();
    if (!report) return tools::report(report.error());
    options_.json ? summary_json(*report) : summary_text(*report);
    return report->problems.empty() ? exit_code::ok : exit_code::failed;
  }

 private:
  bool shows_batches() const { return !options_.check_only; }

  void print_title() const {
    fmt::print("{}\n  {:>17} {:>7} {:>9} {:>10}  {:<23}  CODEC\n", file_, "OFFSETS", "RECORDS", "BYTES", "POSITION",
               "NEWEST (UTC)");
  }

  void batch_text(const RecordBatchView& batch, std::int64_t position) {
    const std::string offsets = batch.base_offset() == batch.last_offset()
                                    ? std::to_string(batch.base_offset())
                                    : fmt::format("{}-{}", batch.base_offset(), batch.last_offset());
    fmt::print("  {:>17} {:>7} {:>9} {:>10}  {:<23}  {}\n", offsets, std::max(batch.record_count(), 1), batch.size(),
               position, utc_time(batch.max_timestamp()), protocol::name(batch.compression()));
    if (const std::string notes = notes_of(batch); !notes.empty()) fmt::print("{:>20}{}\n", "", notes);
    if (options_.records && batch.crc_matches())
      each_record(batch, [&](const RecordView& r) { record_text(batch, r); });
  }

  template <typename Visit>
  void each_record(const RecordBatchView& batch, Visit visit) {
    protocol::RecordReader reader(batch, scratch_);
    RecordView record;
    while (reader.next(record)) visit(record);
  }

  void record_text(const RecordBatchView& batch, const RecordView& record) const {
    std::string text;
    if (batch.is_control()) {
      text = control_text(record);
    } else if (const auto known = describe_internal_record(topic_, record)) {
      text = *known;
    } else {
      text = fmt::format("{}: {}", record.key ? printable(*record.key, 30) : "-",
                         record.value ? printable(*record.value, line_width) : "null");
    }
    const std::string line = fmt::format("    {:>15}  {}", record.offset, text);
    fmt::print("{}\n", printable(protocol::as_bytes(line), line_width));
  }

  void batch_json(const RecordBatchView& batch, std::int64_t position) {
    json_.clear();
    json_.begin_object().field("file", std::string_view(file_)).field("position", position);
    json_.field("base_offset", batch.base_offset()).field("last_offset", batch.last_offset());
    json_.field("magic", batch.magic()).field("size", batch.size()).field("record_count", batch.record_count());
    json_.field("compression", protocol::name(batch.compression())).field("max_timestamp", batch.max_timestamp());
    json_.field("leader_epoch", batch.partition_leader_epoch()).field("producer_id", batch.producer_id());
    json_.field("producer_epoch", batch.producer_epoch()).field("base_sequence", batch.base_sequence());
    json_.field("transactional", batch.is_transactional()).field("control", batch.is_control());
    json_.field("crc_matches", batch.crc_matches());
    if (options_.records && batch.crc_matches()) {
      json_.name("records").begin_array();
      each_record(batch, [&](const RecordView& record) { record_json(record); });
      json_.end_array();
    }
    fmt::print("{}\n", json_.end_object().text());
  }

  void record_json(const RecordView& record) {
    json_.begin_object().field("offset", record.offset).field("timestamp", record.timestamp);
    json_.bytes_field("key", record.key).bytes_field("value", record.value).name("headers").begin_array();
    for (const protocol::RecordHeader& header : record.headers) {
      json_.begin_object().field("key", header.key).bytes_field("value", header.value).end_object();
    }
    json_.end_array().end_object();
  }

  void summary_text(const SegmentReport& report) const {
    if (options_.check_only) fmt::print("{}\n", file_);
    fmt::print("  {} batches, {} records, {}, offsets {}-{}; {} + {} index entries\n", grouped(report.batches),
               grouped(report.records), data_size(static_cast<std::uint64_t>(report.size)), report.base_offset,
               report.next_offset, grouped(report.offset_entries), grouped(report.time_entries));
    for (const SegmentProblem& problem : report.problems) {
      fmt::print("  PROBLEM in {} at {}:\n    {}\n", problem.file, problem.position, problem.text);
    }
    if (report.problems.empty()) fmt::print("  no problems found\n");
  }

  void summary_json(const SegmentReport& report) {
    json_.clear();
    json_.begin_object().field("file", std::string_view(file_)).name("summary").begin_object();
    json_.field("batches", report.batches).field("records", report.records).field("size", report.size);
    json_.field("base_offset", report.base_offset).field("next_offset", report.next_offset);
    json_.field("offset_entries", report.offset_entries).field("time_entries", report.time_entries);
    json_.field("transaction_entries", report.transaction_entries);
    json_.name("problems").begin_array();
    for (const SegmentProblem& problem : report.problems) {
      json_.begin_object().field("file", std::string_view(problem.file)).field("position", problem.position);
      json_.field("problem", std::string_view(problem.text)).end_object();
    }
    fmt::print("{}\n", json_.end_array().end_object().end_object().text());
  }

  const Options& options_;
  Progress progress_;
  JsonWriter json_;
  protocol::RecordScratch scratch_;
  std::string topic_, file_;
  std::int64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

// The segments that the paths mean: a .log file, an index's .log, or all of a directory in order.
std::vector<fs::path> segments_of(const std::vector<std::string>& paths) {
  std::vector<fs::path> logs;
  for (const std::string& text : paths) {
    const fs::path path(text);
    if (!fs::is_directory(path)) {
      logs.push_back(fs::path(path).replace_extension(".log"));
      continue;
    }
    const std::size_t before = logs.size();
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".log") logs.push_back(entry.path());
    }
    std::sort(logs.begin() + static_cast<std::ptrdiff_t>(before), logs.end());
  }
  return logs;
}

int run(const Options& options) {
  const auto logs = segments_of(options.paths);
  if (logs.empty()) {
    fmt::print(stderr, "barnabas: there is no segment (a file such as 00000000000000000000.log)\n");
    return exit_code::failed;
  }
  Dump dump(options);
  int sound = 0, code = exit_code::ok;
  for (const fs::path& log : logs) {
    const int one = dump.segment(log);
    if (one == exit_code::ok) {
      ++sound;
    } else {
      code = one;
    }
  }
  return code != exit_code::ok && sound > 0 ? exit_code::partly : code;
}

}  // namespace

void add_dump_log_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("dump-log", "Show and check the files of a partition's log");
  command->add_option("path", options->paths, "Segment files, or directories of partitions")
      ->type_name("FILE")
      ->required()
      ->check(CLI::Validator(CLI::ExistingPath).description(""));
  command->add_flag("-r,--records", options->records, "Records as well as batches");
  command->add_flag("-c,--check", options->check_only, "Only check, show nothing but the result");
  command->add_flag("--json", options->json, "Output for programs: one object on a line");
  command->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace tools
