#include "scenarios/scenario.hpp"

#include <array>

#include "sim/check.hpp"

namespace moesim {

namespace {

template <class Enum, std::size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;

template <class Enum, std::size_t N>
std::optional<Enum> by_name(const Names<Enum, N>& names, std::string_view wanted) {
  for (const auto& [value, text] : names) {
    if (text == wanted) return value;
  }
  return std::nullopt;
}

template <class Enum, std::size_t N>
std::string_view by_value(const Names<Enum, N>& names, Enum wanted) {
  for (const auto& [value, text] : names) {
    if (value == wanted) return text;
  }
  MOESIM_CHECK(false, "a value of {} without a name", static_cast<int>(wanted));
  return {};
}

constexpr Names<Direction, 3> kDirections{{{Direction::forward, "forward"},
                                           {Direction::backward, "backward"},
                                           {Direction::forward_backward, "forward_backward"}}};
constexpr Names<Padding, 2> kPaddings{{{Padding::none, "none"}, {Padding::capacity, "capacity"}}};

}  // namespace

std::optional<Direction> direction(std::string_view text) { return by_name(kDirections, text); }
std::string_view name(Direction value) { return by_value(kDirections, value); }
std::optional<Padding> padding(std::string_view text) { return by_name(kPaddings, text); }
std::string_view name(Padding value) { return by_value(kPaddings, value); }

std::string_view workload_kind(const Workload& workload) {
  constexpr std::array<std::string_view, std::variant_size_v<Workload>> kKinds{"flows",    "all_to_all", "moe_layer",
                                                                               "exchange", "collective", "rebalance"};
  return kKinds[workload.index()];
}

}  // namespace moesim
