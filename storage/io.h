// What file operations return: a value, or the errno of the failure with what was being done. Values.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace storage {

struct IoError {
  int error_number = EIO;
  std::string doing;  // "write /data/orders-3/00000000000000000000.log"
  bool gone = false;  // what was to be used was cut off or deleted meanwhile; not the system says so but we

  IoError() = default;
  IoError(int number, std::string what) : error_number(number), doing(std::move(what)) {}

  // "write /data/…: No space left on device"
  std::string text() const;

  // The disk has no room, but what is on it can still be read and deleted.
  bool is_disk_full() const { return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG; }

  // The process is short of something; the disk is not to blame.
  bool is_resource_shortage() const {
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM;
  }

  // What was to be used went away meanwhile, or would need the disk, or nobody wants it any more: ask again.
  bool is_passing() const { return error_number == EAGAIN || error_number == ECANCELED || gone; }

  // The error of a sync: whatever the reason, the kernel may have dropped what was to be written and report success the
  // next time, so it is the disk's fault.
  IoError of_sync() && { return {EIO, text()}; }
};

template <typename T>
class [[nodiscard]] Io : public std::expected<T, IoError> {
 public:
  using std::expected<T, IoError>::expected;
  using std::expected<T, IoError>::operator=;
};

inline std::unexpected<IoError> io_fail(int error_number, std::string doing) {
  return std::unexpected<IoError>(IoError(error_number, std::move(doing)));
}

inline std::unexpected<IoError> io_gone(std::string doing) {
  IoError error(ESTALE, std::move(doing));
  error.gone = true;
  return std::unexpected<IoError>(std::move(error));
}

}  // namespace storage

// Evaluates an Io expression and returns its error from the enclosing function, if it has one.
#define BARNABAS_IO_TRY(expression)                                                      \
  do {                                                                                   \
    if (auto barnabas_io_result = (expression); !barnabas_io_result) [[unlikely]]        \
      return std::unexpected<::storage::IoError>(std::move(barnabas_io_result).error()); \
  } while (false)
