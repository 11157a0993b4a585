#include "topologies/slim_fly.hpp"

#include <array>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "sim/check.hpp"
#include "topologies/graph_fabric.hpp"

namespace moesim {
namespace {

constexpr std::array kParameters = {
    KindParameter{"q", 3, 61, std::nullopt, "Order of the finite field: a prime power, 2 q^2 switches"},
    KindParameter{"nics_per_switch", 1, 1000, std::nullopt, "Ports of a switch to NICs (p)"},
};

int order(const ClusterCard& card) { return parameter(card, kParameters[0]); }
int nics_per_switch(const ClusterCard& card) { return parameter(card, kParameters[1]); }

// q = 4 w + delta with delta -1, 0 or 1; for other q (6, 10, ..) there is no such graph.
int delta_of(int q) { return q % 4 == 3 ? -1 : q % 4; }
int degree(int q) { return (3 * q - delta_of(q)) / 2; }  // Cables of a switch to others.
std::int64_t num_switches(int q) { return std::int64_t{2} * q * q; }
std::int64_t switch_cables(int q) { return num_switches(q) * degree(q) / 2; }

// GF(p^n). An element's base-p digits are the coefficients of a polynomial, lowest first; x is a primitive element.
class Field {
 public:
  // Empty if q is no prime power.
  static std::optional<Field> of_order(int q) {
    int p = 2;
    while (q % p != 0) ++p;
    int n = 0;
    int rest = q;
    for (; rest % p == 0; rest /= p) ++n;
    if (rest != 1) return std::nullopt;
    // x^n = tail, a polynomial below x^n, for the first tail under which x goes through all elements but 0.
    for (int tail = 1; tail < q; ++tail) {
      Field field(p, q, tail);
      if (static_cast<int>(field.powers_.size()) == q - 1) return field;
    }
    MOESIM_CHECK(false, "no primitive polynomial over GF({}) for {} elements", p, q);
    return std::nullopt;
  }

  int add(int a, int b) const { return combine(a, b, 1); }
  int subtract(int a, int b) const { return combine(a, b, p_ - 1); }
  int power(int exponent) const { return powers_[static_cast<std::size_t>(exponent % (q_ - 1))]; }
  int multiply(int a, int b) const {
    return a == 0 || b == 0 ? 0 : power(logs_[static_cast<std::size_t>(a)] + logs_[static_cast<std::size_t>(b)]);
  }

 private:
  Field(int p, int q, int tail) : p_(p), q_(q), logs_(static_cast<std::size_t>(q)) {
    int element = 1;
    do {
      logs_[static_cast<std::size_t>(element)] = static_cast<int>(powers_.size());
      powers_.push_back(element);
      const int top = element / (q_ / p_);  // Coefficient of x^(n - 1), which times x is top * tail.
      element = combine(element % (q_ / p_) * p_, tail, top);
    } while (element != 1 && element != 0 && static_cast<int>(powers_.size()) < q_);
  }

  // a + factor * b, digit by digit.
  int combine(int a, int b, int factor) const {
    int sum = 0;
    for (int place = 1; place < q_; place *= p_) sum += (a / place % p_ + factor * (b / place % p_)) % p_ * place;
    return sum;
  }

  int p_;
  int q_;
  std::vector<int> powers_;  // x^0, x^1, ..
  std::vector<int> logs_;    // [elements]
};

// Which differences join two switches of one column: [0] in the first half of the graph, [1] in the second (Hafner,
// "Geometric realisation of the graphs of McKay-Miller-Siran", 2004; Besta and Hoefler, "Slim Fly: a cost effective
// low-diameter network topology", SC 2014).
std::array<std::vector<bool>, 2> generators(const Field& field, int q) {
  std::array<std::vector<bool>, 2> sets;
  const int delta = delta_of(q);
  const int w = (q - delta) / 4;
  for (std::size_t half = 0; half < 2; ++half) {
    sets[half].resize(static_cast<std::size_t>(q));
    const auto take = [&](int exponent) { sets[half][static_cast<std::size_t>(field.power(exponent))] = true; };
    const int first = static_cast<int>(half);
    if (delta == -1) {
      for (int i = 0; i < w; ++i) take(first + 2 * i);              // As many even powers as odd ones,
      for (int i = 0; i < w; ++i) take(2 * w - 1 + first + 2 * i);  // which are those with the other sign.
    } else {
      for (int i = 0; i < (q - delta) / 2; ++i) take(first + 2 * i);
    }
  }
  return sets;
}

std::unique_ptr<Fabric> make(const ClusterCard& card, int /*nodes*/, NodePorts& ports, LinkGraph& graph) {
  const int q = order(card);
  const std::optional<Field> field = Field::of_order(q);
  MOESIM_CHECK(field.has_value(), "q = {}", q);
  const auto sets = generators(*field, q);
  const Bandwidth bandwidth = card.scale_out_efficiency * card.nic_bandwidth;
  const auto number = [&](int half, int column, int row) { return (half * q + column) * q + row; };
  std::vector<VertexId> vertices;
  for (int half = 0; half < 2; ++half) {
    for (int column = 0; column < q; ++column) {
      for (int row = 0; row < q; ++row) {
        vertices.push_back(graph.add_vertex({fmt::format("switch({},{},{})", half, column, row)}));
      }
    }
  }
  std::vector<GraphFabric::Cable> cables;
  const auto name = [&](int which) { return graph.vertices[vertices[static_cast<std::size_t>(which)].index()].name; };
  const auto add = [&](int from, int to) {
    return graph.add_link({name(from) + "->" + name(to), bandwidth, card.switch_latency, LinkClass::scale_out,
                           vertices[static_cast<std::size_t>(from)], vertices[static_cast<std::size_t>(to)]});
  };
  const auto join = [&](int a, int b) {
    const LinkId there = add(a, b);
    cables.push_back({a, b, there, add(b, a)});
  };
  for (int half = 0; half < 2; ++half) {
    const auto& differences = sets[static_cast<std::size_t>(half)];
    for (int column = 0; column < q; ++column) {
      for (int a = 0; a < q; ++a) {
        for (int b = a + 1; b < q; ++b) {
          if (differences[static_cast<std::size_t>(field->subtract(b, a))])
            join(number(half, column, a), number(half, column, b));
        }
      }
    }
  }
  // (0, x, y) and (1, m, c) are joined where y = m x + c: a point and a line through it.
  for (int x = 0; x < q; ++x) {
    for (int m = 0; m < q; ++m) {
      for (int c = 0; c < q; ++c) join(number(0, x, field->add(field->multiply(m, x), c)), number(1, m, c));
    }
  }
  std::vector<int> switch_of_nic;
  for (int nic = 0; nic < ports.num_nics(); ++nic) {
    switch_of_nic.push_back(nic / nics_per_switch(card));
    ports.attach(nic, vertices[static_cast<std::size_t>(switch_of_nic.back())]);
  }
  return std::make_unique<GraphFabric>(static_cast<int>(num_switches(q)), cables, std::move(switch_of_nic));
}

// All of its switches are there, however few nodes it has.
std::int64_t num_links(const ClusterCard& card, std::int64_t nodes) {
  return NodePorts::num_links(card, nodes) + 2 * switch_cables(order(card));
}

std::int64_t max_nodes(const ClusterCard& card) {
  return (num_switches(order(card)) * nics_per_switch(card) - num_nics(card, 0)) / card.nics_per_node;
}

BillOfMaterials bill(const ClusterCard& card, std::int64_t nodes) {
  BillOfMaterials bill;
  bill.endpoints = bill.endpoint_cables = num_nics(card, nodes);
  bill.copper_endpoint_cables = card.copper_endpoint_cables;
  bill.switches.push_back({"switch", card.switch_radix, num_switches(order(card))});
  bill.switch_cables = switch_cables(order(card));
  return bill;
}

std::optional<CardProblem> problem(const ClusterCard& card) {
  const int q = order(card);
  if (!Field::of_order(q)) {
    int below = q - 1;
    while (!Field::of_order(below)) --below;
    int above = q + 1;
    while (!Field::of_order(above)) ++above;
    return CardProblem{"q", std::to_string(q), fmt::format("a prime power, such as {} or {}", below, above)};
  }
  const int ports = nics_per_switch(card) + degree(q);
  if (ports <= card.switch_radix) return std::nullopt;
  return CardProblem{
      "switch_radix", std::to_string(card.switch_radix),
      fmt::format("at least {} ports: {} NICs and {} other switches", ports, nics_per_switch(card), degree(q))};
}

}  // namespace

TopologyKind slim_fly_kind() {
  return {.name = "slim_fly",
          .has_switches = true,
          .parameters = kParameters,
          .make_fabric = make,
          .num_links = num_links,
          .max_nodes = max_nodes,
          .bill = bill,
          .problem = problem};
}

}  // namespace moesim
