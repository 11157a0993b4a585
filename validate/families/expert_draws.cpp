#include "validate/families/expert_draws.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "models/routing/popularity.hpp"
#include "sim/check.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

constexpr std::uint64_t kDraws = 5;

// Deals `amount` over the ranks in turn, from rank 0 on.
void deal(std::vector<std::int64_t>& rows, std::int64_t amount, const ExpertGroup& group) {
  const std::int64_t local = group.experts / group.ep;
  const std::int64_t sign = amount < 0 ? -1 : 1;
  for (std::int64_t rank = 0; rank < group.ep; ++rank) {
    const std::int64_t part = std::abs(amount) / group.ep + (rank < std::abs(amount) % group.ep ? 1 : 0);
    if (part == 0) continue;
    level_rows(std::span(rows).subspan(static_cast<std::size_t>(rank * local), static_cast<std::size_t>(local)),
               sign * part, group.tokens);
  }
}

double power_law_alpha(const std::string& load) {
  constexpr std::string_view kPrefix = "power_law:";
  double alpha = 0;
  MOESIM_CHECK(load.substr(0, kPrefix.size()) == kPrefix, "experts cannot be loaded as {}", load);
  std::from_chars(load.data() + kPrefix.size(), load.data() + load.size(), alpha);
  return alpha;
}

}  // namespace

// Works on levels: all that are lowest rise together.
void level_rows(std::span<std::int64_t> rows, std::int64_t amount, std::int64_t most) {
  const bool fill = amount > 0;
  // Taking from the fullest is filling the emptiest of what is left to the brim.
  if (!fill) {
    for (std::int64_t& r : rows) r = most - r;
  }
  std::int64_t left = std::abs(amount);
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rows[a] < rows[b]; });
  // How many of the lowest end on one level: as long as lifting them to the next one does not take more than there is.
  std::size_t lifted = 1;
  std::int64_t floor = rows[order[0]];
  while (lifted < order.size()) {
    const std::int64_t step = (rows[order[lifted]] - floor) * static_cast<std::int64_t>(lifted);
    if (step > left) break;
    left -= step;
    floor = rows[order[lifted++]];
  }
  const auto count = static_cast<std::int64_t>(lifted);
  for (std::int64_t i = 0; i < count; ++i) {
    rows[order[static_cast<std::size_t>(i)]] = std::min(most, floor + left / count + (i < left % count ? 1 : 0));
  }
  if (!fill) {
    for (std::int64_t& r : rows) r = most - r;
  }
}

std::vector<std::int64_t> balanced_rows(const ExpertGroup& group) {
  const std::int64_t stride = (group.experts + group.top_k - 1) / group.top_k;
  std::vector<std::int64_t> rows(static_cast<std::size_t>(group.experts));
  for (std::int64_t j = 0; j < group.top_k; ++j) {
    if (group.tokens < stride) {
      for (std::int64_t i = 0; i < group.tokens; ++i) {
        ++rows[static_cast<std::size_t>((i * stride / group.tokens + j * stride) % group.experts)];
      }
      continue;
    }
    // Tokens in a row take experts in a row, round and round.
    for (std::int64_t& r : rows) r += group.tokens / group.experts;
    for (std::int64_t i = 0; i < group.tokens % group.experts; ++i) {
      ++rows[static_cast<std::size_t>((i + j * stride) % group.experts)];
    }
  }
  rows.resize(static_cast<std::size_t>(group.experts / group.ep));
  return rows;
}

std::vector<std::int64_t> power_law_rows(const ExpertGroup& group, double alpha, std::uint64_t draw) {
  const std::int64_t total = group.tokens * group.top_k;
  const bool many = total > group.experts;
  Rng rng(draw, static_cast<std::uint64_t>(total) * 4099 + static_cast<std::uint64_t>(group.experts * 31 + group.ep));
  std::vector<double> popularity(static_cast<std::size_t>(group.experts));
  for (double& p : popularity) {
    p = many ? power_law_quantile(rng.uniform(), alpha, 1, std::max(1.0, 0.8 * static_cast<double>(group.tokens)))
             : power_law_quantile(rng.uniform(), alpha, 0.01, 2);
  }
  const double sum = std::accumulate(popularity.begin(), popularity.end(), 0.0);
  std::vector<std::int64_t> rows;
  std::int64_t excess = 0;
  for (const double p : popularity) {
    const std::int64_t wanted = std::llround(p / sum * static_cast<double>(total));
    rows.push_back(std::min(wanted, group.tokens));
    excess += wanted - rows.back();
  }
  deal(rows, excess, group);
  deal(rows, total - std::accumulate(rows.begin(), rows.end(), std::int64_t{0}), group);

  const std::int64_t local = group.experts / group.ep;
  std::vector<std::int64_t> fullest;
  std::int64_t most = -1;
  for (auto first = rows.begin(); first != rows.end(); first += local) {
    const std::int64_t of_rank = std::accumulate(first, first + local, std::int64_t{0});
    if (of_rank > most) {
      most = of_rank;
      fullest.assign(first, first + local);
    }
  }
  return fullest;
}

ExpertLoad drawn_load(const ExpertGroup& group, const std::string& load) {
  if (load == "balanced") return expert_load(balanced_rows(group));
  const double alpha = power_law_alpha(load);
  ExpertLoad mean;
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    const ExpertLoad one = expert_load(power_law_rows(group, alpha, draw));
    mean.experts = one.experts;
    mean.touched += one.touched / kDraws;
    mean.rows += one.rows / kDraws;
    for (std::size_t i = 0; i < mean.tiles.size(); ++i) mean.tiles[i] += one.tiles[i] / kDraws;
  }
  return mean;
}

}  // namespace moesim
