// What the commands that talk to a cluster share: their options, the connection, and how failures reach the user.
#pragma once

#include <optional>
#include <string>

#include "broker/client/cluster.h"
#include "protocol/result.h"

namespace CLI {
class App;
}

namespace tools {

struct SessionOptions {
  std::string bootstrap = "localhost:9092";
  int timeout_s = 30;
  bool json = false;
};

// Adds --bootstrap, --timeout and --json.
void add_session_options(CLI::App& command, SessionOptions& options);

// The cluster; or a message on stderr and the exit code.
protocol::Result<broker::client::Cluster> connect(const SessionOptions& options);

// Prints "barnabas: <what>: <why>" to stderr and gives the exit code that fits. Without `what` only the reason.
int report(const protocol::Error& error, const std::string& what = {});

// "not_controller: This is not the correct controller…": the sentence, and the code's name for those who search for it.
std::string describe(protocol::ErrorCode code, const std::optional<protocol::String>& message = std::nullopt);

}  // namespace tools
