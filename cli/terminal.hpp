#pragma once

#include <stdexcept>
#include <string_view>

#include "scenarios/text_table.hpp"

namespace moesim {

// Whoever read our standard output has gone (`moesim ... | head`): nothing is left to do, and nothing is wrong.
class ReaderGone : public std::runtime_error {
 public:
  ReaderGone() : std::runtime_error("the reader of standard output has gone") {}
};

// Writes all of `text` to standard output. ReaderGone if nobody reads it, an InputError if it cannot be written.
void print(std::string_view text);

// Colour and block characters where standard output is a terminal that has them and NO_COLOR does not forbid colour.
ReportStyle terminal_style();

// From here on SIGINT, SIGTERM and SIGHUP end the program at once with exit code 128 + n; a closed pipe and a file
// that may not grow are errors, no signals.
void set_up_signals();

// While it lives, those signals wait, so that no temporary file is left behind.
class DeferInterrupt {
 public:
  DeferInterrupt();
  ~DeferInterrupt();
  DeferInterrupt(const DeferInterrupt&) = delete;
  DeferInterrupt& operator=(const DeferInterrupt&) = delete;
};

}  // namespace moesim
