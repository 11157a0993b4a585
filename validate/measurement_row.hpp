#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "validate/measurement.hpp"

namespace moesim {

// A row of a measurement file by the names of its columns. A blank is as good as no such column.
using RowFields = std::map<std::string, std::string, std::less<>>;

// What is wrong with a row; `what()` has both halves.
struct BadRow : std::runtime_error {
  BadRow(std::string what_was_found, std::string what_was_expected);
  std::string found;
  std::string expected;
};

// All that there are, in the order in which files have them.
std::vector<std::string_view> measurement_columns();

// Throws BadRow: an unknown kernel or data type, a column that its kernel has not or needs, no number, a time of 0.
Measurement measurement_row(const RowFields& fields);

// The reverse: what a row is made of, blanks left out.
RowFields measurement_fields(const Measurement& m);

}  // namespace moesim
