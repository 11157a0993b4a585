#include "scenarios/lab/line_charts.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace moesim {
namespace {

// Okabe and Ito's colours, told apart by most eyes; yellow left out, black last.
constexpr std::array<std::string_view, 8> kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                   "#e69f00", "#56b4e9", "#777777", "#000000"};
constexpr std::array<std::string_view, 4> kDashes{"none", "7 3", "2 3", "9 3 2 3"};
constexpr double kWidth = 460;
constexpr double kHeight = 300;
constexpr double kLeft = 56;
constexpr double kRight = 16;
constexpr double kTop = 34;
constexpr double kBottom = 44;

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else
      result += c;
  }
  return result;
}

// The first of 1, 2, 5 times a power of ten that cuts `span` into at most `parts`.
double round_step(double span, int parts) {
  const double least = span / parts;
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

struct Axis {
  double min = 0;
  double max = 1;
  double from = 0;  // Pixels of min and max.
  double to = 1;
  bool log = false;
  double at(double value) const {
    const auto place = [&](double v) { return log ? std::log(v) : v; };
    return from + (place(value) - place(min)) / (place(max) - place(min)) * (to - from);
  }
};

std::string style_of(std::size_t line) {
  return fmt::format("stroke=\"{}\" stroke-dasharray=\"{}\"", kColours[line % kColours.size()],
                     kDashes[line % kDashes.size()]);
}

std::vector<double> ticks(const Axis& axis, const Chart& chart) {
  std::vector<double> result;
  if (axis.log) {  // Few places, each of a point.
    for (const auto& [x, y] : chart.lines.front().points) result.push_back(x);
    return result;
  }
  const double step = round_step(axis.max - axis.min, 5);
  for (double n = std::ceil(axis.min / step - 1e-9); n * step <= axis.max * (1 + 1e-9); ++n)
    result.push_back(n * step + 0.0);  // No -0.
  return result;
}

std::string chart_svg(const Chart& chart, const std::vector<std::string>& names) {
  Axis x{chart.lines[0].points[0].first, chart.lines[0].points[0].first, kLeft, kWidth - kRight, chart.log_x};
  Axis y{chart.y_min, chart.y_min, kHeight - kBottom, kTop};
  for (const ChartLine& line : chart.lines) {
    for (const auto& [at, value] : line.points) {
      x.min = std::min(x.min, at);
      x.max = std::max(x.max, at);
      y.min = std::min(y.min, value);
      y.max = std::max(y.max, value);
    }
  }
  if (x.min == x.max) x.max = x.min + 1;
  if (y.min == y.max) y.max = y.min + 1;
  y.max = std::ceil(y.max / round_step(y.max - y.min, 5) - 1e-9) * round_step(y.max - y.min, 5);

  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" aria-label=\"{2}\">\n"
      "<text class=\"title\" x=\"{3}\" y=\"18\">{2}</text>\n",
      kWidth, kHeight, escaped(chart.title), kLeft);
  for (const double value : ticks(y, chart)) {
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.4g}</text>\n",
        x.from, x.to, y.at(value), y.at(value), x.from - 6, y.at(value) + 4, value);
  }
  for (const double value : ticks(x, chart)) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.6g}</text>\n", x.at(value),
                       y.from + 16, value);
  }
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", (x.from + x.to) / 2,
                     y.from + 34, escaped(chart.x_title));
  for (const ChartLine& line : chart.lines) {
    const auto place = std::find(names.begin(), names.end(), line.name) - names.begin();
    std::string points;
    for (const auto& [at, value] : line.points) points += fmt::format("{:.1f},{:.1f} ", x.at(at), y.at(value));
    svg += fmt::format("<polyline fill=\"none\" stroke-width=\"2\" {} points=\"{}\"><title>{}</title></polyline>\n",
                       style_of(static_cast<std::size_t>(place)), points, escaped(line.name));
  }
  return svg + "</svg>\n";
}

}  // namespace

std::string chart_page(const std::string& title, const std::string& note, const std::vector<Chart>& charts) {
  std::vector<std::string> names;
  for (const Chart& chart : charts) {
    for (const ChartLine& line : chart.lines) {
      if (std::find(names.begin(), names.end(), line.name) == names.end()) names.push_back(line.name);
    }
  }
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n<style>\n"
      "body {{ font: 14px sans-serif; margin: 24px; max-width: 960px; color: #222; background: #fff; }}\n"
      "svg text {{ font-size: 12px; fill: #444; }} svg .title {{ font-size: 14px; font-weight: bold; fill: #222; }}\n"
      ".grid {{ stroke: #ddd; }} .legend span {{ margin-right: 24px; white-space: nowrap; }}\n"
      "</style></head><body>\n<h1>{0}</h1>\n<p>{1}</p>\n<p class=\"legend\">",
      escaped(title), escaped(note));
  for (std::size_t i = 0; i < names.size(); ++i) {
    page += fmt::format(
        "<span><svg width=\"36\" height=\"10\"><line x1=\"0\" x2=\"36\" y1=\"5\" y2=\"5\" stroke-width=\"3\" "
        "{}/></svg> {}</span>\n",
        style_of(i), escaped(names[i]));
  }
  page += "</p>\n";
  for (const Chart& chart : charts) page += chart_svg(chart, names);
  return page + "</body></html>\n";
}

}  // namespace moesim
