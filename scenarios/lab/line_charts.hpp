#pragma once

#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct ChartLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x, y; x rising.
};

struct Chart {
  std::string title;
  std::string x_title;
  std::vector<ChartLine> lines;
  bool log_x = false;
  double y_min = 0;  // The axis begins there, or below if a point does.
};

// Charts in one HTML page that needs nothing else: one legend for all, since lines of one name have one colour. Lines
// that lie on one another stay visible by their dashes. The same page for the same charts.
std::string chart_page(const std::string& title, const std::string& note, const std::vector<Chart>& charts);

}  // namespace moesim
