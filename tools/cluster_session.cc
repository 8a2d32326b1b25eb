#include "tools/cluster_session.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include <fmt/format.h>

#include "tools/command.h"

namespace tools {

using broker::client::Cluster, protocol::Error, protocol::ErrorCode;

void add_session_options(CLI::App& command, SessionOptions& options) {
  command.add_option("-b,--bootstrap", options.bootstrap, "Brokers to ask first, host:port,…")->capture_default_str();
  command.add_option("--timeout", options.timeout_s, "Seconds to wait for an answer")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  command.add_flag("--json", options.json, "Output for programs");
}

protocol::Result<Cluster> connect(const SessionOptions& options) {
  const auto addresses = broker::client::parse_addresses(options.bootstrap);
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

}  // namespace tools
