#include "tools/cluster_session.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include <fmt/format.h>

#include "tools/command.h"

namespace tools {

using broker::client::Cluster, protocol::Error, protocol::ErrorCode;

void add_session_options(CLI::App& command, SessionOptions& options) {
  command.add_option("-b,--brokers,--bootstrap-server", options.brokers, "Brokers to ask first")
      ->type_name("HOST:PORT,…")
      ->envname("BARNABAS_BROKERS")
      ->check([](const std::string& text) {
        const auto addresses = broker::client::parse_addresses(text);
        return addresses ? std::string() : addresses.error().text();
      })
      ->capture_default_str();
  command.add_option("--timeout", options.timeout_s, "Seconds to wait for an answer")
      ->type_name("SECONDS")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600).description(""));
  command.add_flag("--json", options.json, "Output for programs");
}

protocol::Result<Cluster> connect(const SessionOptions& options) {
  const auto addresses = broker::client::parse_addresses(options.brokers);
  if (!addresses) return std::unexpected(addresses.error());
  return Cluster::connect(*addresses, {.timeout_ms = options.timeout_s * 1000});
}

int report(const Error& error, const std::string& what) {
  fmt::print(stderr, "barnabas: {}{}{}\n", what, what.empty() ? "" : ": ", error.text());
  if (error.code == ErrorCode::network_exception) return exit_code::unreachable;
  return exit_code::failed;
}

std::string describe(ErrorCode code, const std::optional<protocol::String>& message) {
  const std::string_view text = message && !message->empty() ? message->view() : protocol::default_message(code);
  return fmt::format("{} ({})", text, protocol::name(code));
}

void Outcomes::add(std::string_view name, ErrorCode code, const std::optional<protocol::String>& message,
                   bool tolerated) {
  const bool good = code == ErrorCode::none || tolerated;
  ++(good ? good_ : bad_);
  if (json_) {
    lines_.begin_object().field(kind_, name).field("ok", good);
    if (code != ErrorCode::none) {
      lines_.field("error", protocol::name(code)).field("message", describe(code, message));
    }
    lines_.end_object();
  } else if (code == ErrorCode::none) {
    fmt::print("{} {}\n", done_, name);
  } else {
    fmt::print(good ? stdout : stderr, "{}: {}\n", name, describe(code, message));
  }
}

int Outcomes::finish() {
  if (json_) fmt::print("[{}]\n", lines_.text());
  if (bad_ == 0) return exit_code::ok;
  return good_ > 0 ? exit_code::partly : exit_code::failed;
}

}  // namespace tools
