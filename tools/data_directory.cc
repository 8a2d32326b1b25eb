#include "tools/data_directory.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tools {
namespace {

std::optional<std::string> non_empty(std::optional<std::string> value) {
  return value && !value->empty() ? std::move(value) : std::nullopt;
}

}  // namespace

std::string default_data_directory(const GetEnvironment& get_environment) {
  if (const auto data_home = non_empty(get_environment("XDG_DATA_HOME"))) return *data_home + "/barnabas";
  if (const auto home = non_empty(get_environment("HOME"))) return *home + "/.local/share/barnabas";
  return "barnabas-data";
}

protocol::Result<TemporaryDirectory> TemporaryDirectory::make(const GetEnvironment& get_environment) {
  std::string path = non_empty(get_environment("TMPDIR")).value_or("/tmp") + "/barnabas-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return protocol::fail(protocol::ErrorCode::kafka_storage_error,
                          fmt::format("no temporary directory {}: {}", path, std::strerror(errno)));
  }
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;  // nobody is left to tell
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

}  // namespace tools
