#include "tools/progress.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "protocol/clock.h"
#include "tools/text.h"

namespace tools {
namespace {

constexpr std::int64_t redraw_ms = 250;

std::int64_t now_ms() { return protocol::SystemClock().monotonic_ms(); }

// The one thing a signal handler can reach.
volatile std::sig_atomic_t interrupted = 0;

}  // namespace

Progress::Progress(std::string_view what, bool wanted)
    : what_(what), shown_(wanted && isatty(STDERR_FILENO) != 0), start_ms_(now_ms()), last_ms_(start_ms_) {}

double Progress::seconds() const { return static_cast<double>(now_ms() - start_ms_) / 1000.0; }

void Progress::update(std::int64_t items, std::uint64_t bytes) {
  if (!shown_) return;
  const std::int64_t now = now_ms();
  if (now - last_ms_ < redraw_ms) return;
  last_ms_ = now;
  const double rate = static_cast<double>(bytes) / (static_cast<double>(now - start_ms_) / 1000.0);
  fmt::print(stderr, "\r\x1b[K{} {}, {}, {}/s", grouped(items), what_, data_size(bytes),
             data_size(static_cast<std::uint64_t>(rate)));
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

void watch_interrupts() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool is_interrupted() { return interrupted != 0; }

}  // namespace tools
