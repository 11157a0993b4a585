#pragma once

#include <map>
#include <string>
#include <vector>

#include "validate/import/import_format.hpp"

namespace moesim {

// Gathers the times of one shape that a file has many times: one row each, with the median and, of two times or more,
// p10 and p90 (linear between neighbours).
class Repeats {
 public:
  // `place` is where a row of this shape is first met.
  void add(const std::string& place, const RowFields& shape, double us);
  void move_to(ImportedRows& rows);  // In the order in which the shapes were met.

 private:
  struct Shape {
    std::string place;
    RowFields fields;
    std::vector<double> times_us;
  };
  std::vector<Shape> shapes_;
  std::map<RowFields, std::size_t> index_;
};

}  // namespace moesim
