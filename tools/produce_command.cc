// `barnabas produce`: lines from a file or stdin become records.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "protocol/clock.h"
#include "tools/cluster_session.h"
#include "tools/command.h"
#include "tools/json_writer.h"
#include "tools/producer.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace tools {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

struct Options {
  SessionOptions session;
  ProducerOptions producer;
  std::string file = "-";
  std::string key_separator;
  std::string codec = "none";
  std::string acks = "all";
  std::vector<std::string> headers;
  int partition = -1;
  bool empty_is_null = false;
};

// Lines of a file descriptor, without their line feeds. A last line without one counts.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}

  enum class Status { line, idle, end, failed };
  // The next line; idle when none came for `patience_ms`. The view holds until the next call.
  Status next(std::string_view& line, int patience_ms) {
    for (;;) {
      const auto end = buffer_.find('\n', searched_);
      if (end != std::string::npos) {
        line = std::string_view(buffer_).substr(begin_, end - begin_);
        begin_ = searched_ = end + 1;
        return Status::line;
      }
      searched_ = buffer_.size();
      if (at_end_) {
        if (begin_ == buffer_.size()) return Status::end;
        line = std::string_view(buffer_).substr(begin_);
        begin_ = buffer_.size();
        return Status::line;
      }
      if (const Status status = fill(patience_ms); status != Status::line) return status;
    }
  }

 private:
  Status fill(int patience_ms) {
    pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
    const int polled = poll(&ready, 1, patience_ms);
    if (polled == 0 || (polled < 0 && errno == EINTR)) return Status::idle;
    searched_ -= begin_;
    buffer_.erase(0, begin_);
    begin_ = 0;
    constexpr std::size_t piece = std::size_t{256} << 10;
    const std::size_t old = buffer_.size();
    buffer_.resize(old + piece);
    const ssize_t got = read(fd_, buffer_.data() + old, piece);
    buffer_.resize(old + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return errno == EINTR ? Status::idle : Status::failed;
    at_end_ = got == 0;
    return Status::line;
  }

  int fd_;
  std::string buffer_;
  std::size_t begin_ = 0, searched_ = 0;
  bool at_end_ = false;
};

// How long a typed line waits for another one before it is sent.
constexpr int linger_ms = 5;
constexpr int interrupt_check_ms = 500;

struct Header {
  std::string key, value;
};

class Session {
 public:
  Session(const Options& options, Producer producer)
      : options_(options), producer_(std::move(producer)), progress_("records", !options.session.json) {
    for (const std::string& text : options.headers) {
      const auto equals = text.find('=');
      headers_.push_back({text.substr(0, equals), text.substr(equals + 1)});
    }
    for (const Header& header : headers_) views_.push_back({header.key, protocol::as_bytes(header.value)});
  }

  Result<void> run(int fd) {
    LineReader lines(fd);
    std::string_view line;
    bool waiting = false;  // records that were not sent
    while (!is_interrupted()) {
      const auto status = lines.next(line, waiting ? linger_ms : interrupt_check_ms);
      if (status == LineReader::Status::failed) {
        return fail(ErrorCode::unknown_server_error, fmt::format("{}: {}", options_.file, std::strerror(errno)));
      }
      if (status == LineReader::Status::end) break;
      if (status == LineReader::Status::idle) {
        if (auto flushed = producer_.flush(); !flushed) return flushed;
        waiting = false;
        continue;
      }
      if (auto appended = append(line); !appended) return appended;
      waiting = true;
    }
    return producer_.flush();
  }

  void print_summary() {
    progress_.clear();
    if (options_.session.json) {
      print_json();
      return;
    }
    std::int64_t records = 0;
    std::uint64_t bytes = 0;
    for (const auto& [partition, sent] : producer_.sent()) {
      records += sent.records;
      bytes += sent.bytes;
    }
    fmt::print("{} {} to {}, {} in {:.1f} s\n", grouped(records), records == 1 ? "record" : "records",
               options_.producer.topic, data_size(bytes), progress_.seconds());
  }

 private:
  Result<void> append(std::string_view line) {
    std::optional<protocol::Bytes> key;
    if (!options_.key_separator.empty()) {
      const auto at = line.find(options_.key_separator);
      if (at == std::string_view::npos) {
        return fail(ErrorCode::invalid_record, fmt::format("A line has no key before '{}': {}", options_.key_separator,
                                                           printable(protocol::as_bytes(line), 40)));
      }
      key = protocol::as_bytes(line.substr(0, at));
      line.remove_prefix(at + options_.key_separator.size());
    }
    std::optional<protocol::Bytes> value = protocol::as_bytes(line);
    if (options_.empty_is_null && line.empty()) value.reset();
    progress_.update(++records_, bytes_ += line.size());
    return producer_.append(protocol::SystemClock().now_ms(), key, value, views_);
  }

  void print_json() {
    JsonWriter json;
    json.begin_object().field("topic", std::string_view(options_.producer.topic)).name("partitions").begin_array();
    for (const auto& [partition, sent] : producer_.sent()) {
      json.begin_object().field("partition", partition).field("records", sent.records).field("bytes", sent.bytes);
      json.field("first_offset", sent.first_offset).field("last_offset", sent.last_offset).end_object();
    }
    fmt::print("{}\n", json.end_array().end_object().text());
  }

  const Options& options_;
  Producer producer_;
  Progress progress_;
  std::vector<Header> headers_;
  std::vector<protocol::RecordHeader> views_;
  std::int64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

int run(Options& options) {
  options.producer.compression = protocol::Compression::of(*protocol::parse_compression_type(options.codec));
  options.producer.acks = options.acks == "all" ? std::int16_t{-1} : static_cast<std::int16_t>(std::stoi(options.acks));
  options.producer.timeout_ms = options.session.timeout_s * 1000;
  if (options.partition >= 0) options.producer.partition = options.partition;
  const int fd = options.file == "-" ? STDIN_FILENO : ::open(options.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    fmt::print(stderr, "barnabas: {}: {}\n", options.file, std::strerror(errno));
    return exit_code::failed;
  }
  auto cluster = connect(options.session);
  if (!cluster) return report(cluster.error());
  auto producer = Producer::open(*cluster, options.producer);
  if (!producer) return report(producer.error());
  watch_interrupts();
  Session session(options, std::move(*producer));
  const auto result = session.run(fd);
  session.print_summary();
  if (!result) return report(result.error(), "not all records were sent");
  return is_interrupted() ? exit_code::interrupted : exit_code::ok;
}

}  // namespace

void add_producing_options(CLI::App& command, std::string& codec, std::string& acks) {
  command.add_option("-z,--compression", codec, "How batches are compressed")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}));
  command.add_option("--acks", acks, "Who must have a batch: all in-sync replicas, the leader (1), nobody (0)")
      ->capture_default_str()
      ->check(CLI::IsMember({"all", "1", "0"}));
}

void add_produce_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("produce", "Send lines as records");
  command->add_option("topic", options->producer.topic, "Where to")->type_name("TOPIC")->required();
  command->add_option("-f,--file", options->file, "Lines to send (-: stdin)")->type_name("FILE")->capture_default_str();
  command->add_option("-k,--key-separator", options->key_separator, "What ends the key at the front of each line")
      ->type_name("TEXT");
  command->add_option("-p,--partition", options->partition, "Only to this one (default: by key, else in turn)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber.description(""));
  add_producing_options(*command, options->codec, options->acks);
  command->add_option("-H,--header", options->headers, "A header for every record; may come again")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        return text.find('=') == std::string::npos ? "'" + text + "' is not key=value" : std::string();
      });
  command->add_flag("--empty-is-null", options->empty_is_null, "An empty line is a record without a value");
  command->add_flag("!--no-create", options->producer.create_topic, "Fail when the topic is not there");
  add_session_options(*command, options->session);
  command->footer(R"(Examples:
  echo hello | barnabas produce greetings
  barnabas produce orders --file orders.txt --key-separator : --compression zstd)");
  command->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace tools
