// Where a broker keeps its data when nobody says where, and directories for brokers that keep nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "protocol/result.h"

namespace tools {

using GetEnvironment = std::function<std::optional<std::string>(const char* name)>;

// $XDG_DATA_HOME/barnabas, else ~/.local/share/barnabas, else ./barnabas-data.
std::string default_data_directory(const GetEnvironment& get_environment);

// A new directory under $TMPDIR (else /tmp) that goes, with all that is in it, when the object does.
class TemporaryDirectory {
 public:
  static protocol::Result<TemporaryDirectory> make(const GetEnvironment& get_environment);
  ~TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;  // empty: moved away
};

}  // namespace tools
