#include "sim/flow_classes.hpp"

#include <algorithm>
#include <bit>

namespace moesim {
namespace {

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

// The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), of a counter: near enough to a random function.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t hash(const FlowKind& kind) {
  std::uint64_t h = std::bit_cast<std::uint64_t>(kind.bytes);
  h = mix(h) ^ std::bit_cast<std::uint64_t>(kind.begin);
  h = mix(h) ^ std::bit_cast<std::uint64_t>(kind.cap);
  return mix(h) ^ static_cast<std::uint64_t>(kind.weight);
}

// Numbers hashes in the order in which they are first seen.
class Numbering {
 public:
  std::int32_t operator()(std::uint64_t hash) {
    if (size_ > 0 && hash == last_hash_) return last_;
    if (2 * size_ >= table_.size()) grow();
    std::size_t place = hash & (table_.size() - 1);
    while (table_[place].number >= 0 && table_[place].hash != hash) place = (place + 1) & (table_.size() - 1);
    if (table_[place].number < 0) table_[place] = {hash, static_cast<std::int32_t>(size_++)};
    last_hash_ = hash;
    return last_ = table_[place].number;
  }
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::int32_t number = -1;
  };

  void grow() {
    std::vector<Entry> old(std::max<std::size_t>(64, 2 * table_.size()));
    old.swap(table_);
    for (const Entry& entry : old) {
      if (entry.number < 0) continue;
      std::size_t place = entry.hash & (table_.size() - 1);
      while (table_[place].number >= 0) place = (place + 1) & (table_.size() - 1);
      table_[place] = entry;
    }
  }

  std::vector<Entry> table_;
  std::size_t size_ = 0;
  std::uint64_t last_hash_ = 0;
  std::int32_t last_ = -1;
};

}  // namespace

void FlowClasses::add(RouteId route, const FlowKind& kind) {
  route_.push_back(route);
  // Kinds that come in runs are kept once; the same kind twice does no harm.
  if (kinds_.empty() || !(kinds_.back() == kind)) kinds_.push_back(kind);
  kind_.push_back(static_cast<std::int32_t>(kinds_.size()) - 1);
}

bool FlowClasses::find(const RouteTable& routes, std::span<const double> capacities) {
  routes_ = &routes;
  capacities_ = capacities;
  crossed_by_.resize(capacities.size());
  link_class_.clear();
  Numbering capacity_classes;
  for (const double capacity : capacities) {
    link_class_.push_back(capacity_classes(mix(std::bit_cast<std::uint64_t>(capacity))));
  }
  num_link_classes_ = capacity_classes.size();
  Numbering kinds;
  std::vector<std::int32_t> class_of_kind;
  for (const FlowKind& kind : kinds_) {
    class_of_kind.push_back(kinds(hash(kind)));
    if (kinds.size() > kind_.size() / kLeastFlows) return false;
  }
  class_.clear();
  for (const std::int32_t kind : kind_) class_.push_back(class_of_kind[at(kind)]);
  do {
    if (!tell_flows_apart()) return false;
  } while (tell_links_apart());
  sort_by_class();
  return make_quotient();
}

// By the class so far and the classes of the links crossed. False if there are too many classes.
bool FlowClasses::tell_flows_apart() {
  std::vector<std::uint64_t> link_hashes(num_link_classes_);
  for (std::size_t c = 0; c < num_link_classes_; ++c) link_hashes[c] = mix(c);
  const std::size_t most = class_.size() / kLeastFlows;
  Numbering numbering;
  for (std::size_t f = 0; f < class_.size(); ++f) {
    std::uint64_t crosses = 0;
    for (const LinkId link : routes_->counting_links(route_[f])) crosses += link_hashes[at(link_class_[link.index()])];
    class_[f] = numbering(mix(crosses ^ mix(static_cast<std::uint64_t>(class_[f]))));
    if (numbering.size() > most) return false;
  }
  num_classes_ = numbering.size();
  return true;
}

// By the class so far and the flows that cross. False if that tells no more apart than before.
bool FlowClasses::tell_links_apart() {
  std::vector<std::uint64_t> flow_hashes(num_classes_);
  for (std::size_t c = 0; c < num_classes_; ++c) flow_hashes[c] = mix(c);
  std::ranges::fill(crossed_by_, 0);
  for (std::size_t f = 0; f < class_.size(); ++f) {
    for (const LinkId link : routes_->counting_links(route_[f]))
      crossed_by_[link.index()] += flow_hashes[at(class_[f])];
  }
  Numbering numbering;
  for (std::size_t l = 0; l < link_class_.size(); ++l) {
    link_class_[l] = numbering(mix(crossed_by_[l] ^ mix(static_cast<std::uint64_t>(link_class_[l]))));
  }
  const std::size_t before = num_link_classes_;
  num_link_classes_ = numbering.size();
  return num_link_classes_ > before;
}

void FlowClasses::sort_by_class() {
  begin_.assign(num_classes_ + 1, 0);
  for (const std::int32_t c : class_) ++begin_[at(c) + 1];
  for (std::size_t c = 0; c < num_classes_; ++c) begin_[c + 1] += begin_[c];
  members_.resize(class_.size());
  std::vector<std::uint32_t> next(begin_.begin(), begin_.end() - 1);
  for (std::size_t f = 0; f < class_.size(); ++f) {
    members_[next[at(class_[f])]++] = static_cast<std::int32_t>(f);
  }
}

// Checks on the way all that the quotient rests on, so that nothing rests on hashes being different.
bool FlowClasses::make_quotient() {
  std::ranges::fill(crossed_by_, 0);
  for (const RouteId route : route_) {
    for (const LinkId link : routes_->counting_links(route)) crossed_by_[link.index()] = 1;
  }
  link_classes_.assign(num_link_classes_, {});
  for (std::size_t l = 0; l < link_class_.size(); ++l) {
    if (crossed_by_[l] == 0) continue;
    LinkClass& link_class = link_classes_[at(link_class_[l])];
    if (link_class.size++ == 0) link_class.capacity = capacities_[l];
    if (link_class.capacity != capacities_[l]) return false;
  }
  std::ranges::fill(crossed_by_, 0);
  for (std::size_t c = 0; c < num_classes_; ++c) {
    if (!is_even(c)) return false;
  }
  quotient_capacities_.clear();
  for (const LinkClass& link_class : link_classes_) {
    // A flow of the quotient crosses a link once: one that crosses several of a class has that part of their capacity.
    quotient_capacities_.push_back(link_class.size == 0 ? 1
                                                        : link_class.capacity * static_cast<double>(link_class.size) /
                                                              static_cast<double>(link_class.times_crossed));
  }
  return true;
}

// Whether all flows of the class are of one kind and cross equally many links of each class, and whether equally many
// of them cross each link of such a class.
bool FlowClasses::is_even(std::size_t c) {
  const auto flows = members(c);
  const FlowKind& kind = kinds_[at(kind_[at(flows[0])])];
  const std::vector<std::int32_t> crossed = link_classes(flows[0]);
  for (std::size_t i = 0; i < crossed.size(); ++i) {
    const auto times = std::count(crossed.begin(), crossed.end(), crossed[i]);
    LinkClass& link_class = link_classes_[at(crossed[i])];
    if (link_class.times_crossed == 0) link_class.times_crossed = times;
    // Weights of the quotient are those of its flows: they cannot differ by link.
    if (link_class.times_crossed != times) return false;
  }
  for (const std::int32_t flow : flows) {
    if (kind_[at(flow)] != kind_[at(flows[0])] && !(kinds_[at(kind_[at(flow)])] == kind)) return false;
    const auto route = links(flow);
    if (route.size() != crossed.size()) return false;
    bool in_order = true;
    for (std::size_t i = 0; i < route.size(); ++i) {
      in_order = in_order && link_class_[route[i].index()] == crossed[i];
      ++crossed_by_[route[i].index()];
    }
    if (!in_order && link_classes(flow) != crossed) return false;
  }
  const auto size = static_cast<std::uint64_t>(flows.size());
  for (const std::int32_t flow : flows) {
    for (const LinkId link : links(flow)) {
      std::uint64_t& count = crossed_by_[link.index()];
      if (count == 0) continue;  // Seen.
      const LinkClass& link_class = link_classes_[at(link_class_[link.index()])];
      if (count * static_cast<std::uint64_t>(link_class.size) !=
          size * static_cast<std::uint64_t>(link_class.times_crossed)) {
        return false;
      }
      count = 0;
    }
  }
  return true;
}

// Of the links that a flow crosses, in rising order.
std::vector<std::int32_t> FlowClasses::link_classes(std::int32_t flow) const {
  std::vector<std::int32_t> result;
  for (const LinkId link : links(flow)) result.push_back(link_class_[link.index()]);
  std::ranges::sort(result);
  return result;
}

FlowClasses::Class FlowClasses::of(std::size_t c) const {
  const std::int32_t first = members(c)[0];
  std::vector<std::int32_t> crossed = link_classes(first);
  crossed.erase(std::unique(crossed.begin(), crossed.end()), crossed.end());
  Class result{kinds_[at(kind_[at(first)])], {}};
  result.kind.weight *= static_cast<std::int64_t>(members(c).size());
  for (const std::int32_t link_class : crossed) result.links.push_back(LinkId{link_class});
  return result;
}

}  // namespace moesim
