// Result<T>: a value, or a Kafka error code with a sentence for the client's ErrorMessage.
// The one way expected failures travel through the code; exceptions are for programming errors and start-up.
// Values; no synchronisation of their own.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "protocol/error_code.h"

namespace protocol {

struct Error {
  ErrorCode code = ErrorCode::unknown_server_error;
  std::string message;  // empty: default_message(code) says enough

  Error() = default;
  explicit Error(ErrorCode error_code, std::string sentence = {}) : code(error_code), message(std::move(sentence)) {}

  // What to show a person: the specific sentence, or the code's default one.
  std::string text() const { return message.empty() ? std::string(default_message(code)) : message; }
};

template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  using std::expected<T, Error>::operator=;

  // The error's code, or none when there is a value.
  ErrorCode code() const { return this->has_value() ? ErrorCode::none : this->error().code; }
};

// `return fail(ErrorCode::invalid_topic_exception, "…");` converts to any Result<T>.
inline std::unexpected<Error> fail(ErrorCode code, std::string message = {}) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}

}  // namespace protocol
