#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moesim {

// How a report may look: colour and block characters only where the reader is a terminal.
struct ReportStyle {
  bool colour = false;
  bool blocks = false;  // Bars of Unicode eighths; else of '#'.
};

std::string grouped(std::int64_t number);    // 1,234,567
std::string time_text(double microseconds);  // "1.235 ms", four significant digits or more
std::string bytes_text(double bytes);        // "12.35 GB", decimal units
std::string count_text(double count);        // "8.850 G"
std::string percent_text(double fraction);   // "12.3 %"

// A bar of `fraction` (0 to 1) of `width` columns.
std::string bar(double fraction, int width, const ReportStyle& style);

std::string bold(std::string_view text, const ReportStyle& style);
std::string faint(std::string_view text, const ReportStyle& style);
std::string alarm(std::string_view text, const ReportStyle& style);

// Breaks at spaces so that no line is wider than `width`; lines after the first begin with `indent` spaces.
std::string wrap(std::string_view text, int width, int indent);

}  // namespace moesim
