// What the commands that talk to a cluster share: their options, the connection, and how failures reach the user.
#pragma once

#include <optional>
#include <string>

#include "broker/client/cluster.h"
#include "protocol/result.h"
#include "tools/json_writer.h"

namespace CLI {
class App;
}

namespace tools {

struct SessionOptions {
  std::string brokers = "localhost:9092";
  int timeout_s = 30;
  bool json = false;
};

// Adds --brokers (or BARNABAS_BROKERS), --timeout and --json.
void add_session_options(CLI::App& command, SessionOptions& options);

// The cluster; or a message on stderr and the exit code.
protocol::Result<broker::client::Cluster> connect(const SessionOptions& options);

// Prints "barnabas: <what>: <why>" to stderr and gives the exit code that fits. Without `what` only the reason.
int report(const protocol::Error& error, const std::string& what = {});

// "not_controller: This is not the correct controller…": the sentence, and the code's name for those who search for it.
std::string describe(protocol::ErrorCode code, const std::optional<protocol::String>& message = std::nullopt);

// The outcome of each of several things, for people or for programs. The exit code says whether all, some or none
// worked.
class Outcomes {
 public:
  // `kind` names the things in JSON ("topic"), `done` is what is said of one that worked ("created").
  Outcomes(const SessionOptions& session, std::string_view kind, std::string_view done)
      : json_(session.json), kind_(kind), done_(done) {}

  // `tolerated`: the code is no failure here, such as an existing topic with --if-not-exists.
  void add(std::string_view name, protocol::ErrorCode code, const std::optional<protocol::String>& message,
           bool tolerated = false);
  // Prints the JSON, if that is wanted, and gives the exit code.
  int finish();

 private:
  bool json_;
  std::string_view kind_, done_;
  JsonWriter lines_;
  int good_ = 0, bad_ = 0;
};

}  // namespace tools
