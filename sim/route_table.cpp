#include "sim/route_table.hpp"

#include <algorithm>

#include "sim/check.hpp"

namespace moesim {
namespace {

// Counting anew costs as much as all routes and live flows. Where routes keep being added that spoil the count, it is
// given up: the answer is the same, a little later.
constexpr int kMaxLosses = 64;

}  // namespace

RouteId RouteTable::add(std::span<const LinkId> links) {
  for (std::size_t i = 0; i < links.size(); ++i) {
    MOESIM_CHECK(links[i].valid() && links[i].index() < dominated_.num_links(), "a route over link {} of {}",
                 links[i].value, dominated_.num_links());
    MOESIM_CHECK(std::ranges::count(links.first(i), links[i]) == 0, "a route crosses link {} twice", links[i].value);
  }
  const RouteId route{static_cast<std::int64_t>(begin_.size()) - 1};
  links_.insert(links_.end(), links.begin(), links.end());
  begin_.push_back(static_cast<std::uint32_t>(links_.size()));
  if (!dominated_.add_route(links)) {
    needs_count_ = true;
    if (++losses_ == kMaxLosses) count_all_links();
  }
  if (!needs_count_) append_counting(route);
  return route;
}

void RouteTable::count_all_links() {
  if (all_count_) return;
  all_count_ = true;
  needs_count_ = true;
}

void RouteTable::count() {
  dominated_.forget();
  if (!all_count_) dominated_.decide();
  needs_count_ = false;
  counting_.clear();
  counting_begin_.assign(1, 0);
  for (std::size_t route = 0; route + 1 < begin_.size(); ++route)
    append_counting(RouteId{static_cast<std::int64_t>(route)});
}

void RouteTable::append_counting(RouteId route) {
  const auto first = static_cast<std::ptrdiff_t>(counting_.size());
  for (const LinkId link : links(route)) {
    if (!dominated_.contains(link)) counting_.push_back(link);
  }
  std::sort(counting_.begin() + first, counting_.end());
  counting_begin_.push_back(static_cast<std::uint32_t>(counting_.size()));
}

}  // namespace moesim
