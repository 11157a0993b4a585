#include "cli/terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <unistd.h>

#include "scenarios/error.hpp"

namespace moesim {

namespace {

constexpr std::array kStops{SIGINT, SIGTERM, SIGHUP};
constexpr int kStopped = 128;  // Plus the signal: 130, 143, 129.

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

bool is_utf8_locale() {
  std::string_view locale = environment("LC_ALL");
  if (locale.empty()) locale = environment("LC_CTYPE");
  if (locale.empty()) locale = environment("LANG");
  return locale.find("UTF-8") != std::string_view::npos || locale.find("utf8") != std::string_view::npos;
}

void mask_interrupt(int how) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int stop : kStops) sigaddset(&signals, stop);
  sigprocmask(how, &signals, nullptr);
}

}  // namespace

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  if (errno == EPIPE) throw ReaderGone();
  throw InputError("standard output", "", std::strerror(errno), "a place that can be written");
}

ReportStyle terminal_style() {
  ReportStyle style;
  if (::isatty(STDOUT_FILENO) == 0 || environment("TERM") == "dumb") return style;
  style.colour = environment("NO_COLOR").empty();
  style.blocks = is_utf8_locale();
  return style;
}

void set_up_signals() {
  std::signal(SIGPIPE, SIG_IGN);
#ifdef SIGXFSZ
  std::signal(SIGXFSZ, SIG_IGN);  // A file that may not grow further becomes an error of its write.
#endif
  for (const int stop : kStops) {
    const auto before = std::signal(stop, [](int signal) { ::_exit(kStopped + signal); });
    if (before == SIG_IGN) std::signal(stop, SIG_IGN);  // As nohup asks.
  }
}

DeferInterrupt::DeferInterrupt() { mask_interrupt(SIG_BLOCK); }
DeferInterrupt::~DeferInterrupt() { mask_interrupt(SIG_UNBLOCK); }

}  // namespace moesim
