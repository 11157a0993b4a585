#include "models/routing/sequences.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

std::int64_t kept_tokens(const RouterSpec& router, std::int64_t tokens) {
  if (!router.mixture_of_depths) return tokens;
  constexpr double kRounding = 1e-9;  // So that 0.35 of 100 is 35, although 0.35 * 100 is a little less in binary.
  const double kept = std::floor(router.mixture_of_depths->share * static_cast<double>(tokens) + kRounding);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(kept), 1, tokens);
}

}  // namespace

std::vector<Sequence> sequences(const RouterSpec& router, std::int64_t tokens) {
  const std::int64_t length = router.sequence_length > 0 ? router.sequence_length : std::max<std::int64_t>(tokens, 1);
  std::vector<Sequence> result;
  for (std::int64_t first = 0; first < tokens; first += length) {
    const std::int64_t own = std::min(length, tokens - first);
    result.push_back({.first = first, .tokens = own, .kept = kept_tokens(router, own)});
  }
  return result;
}

std::vector<char> kept_by_scores(const Sequence& sequence, detail::TokenRandom& random) {
  const auto tokens = static_cast<std::size_t>(sequence.tokens);
  std::vector<float> scores(tokens);
  for (float& score : scores) score = random.normal();
  std::vector<std::size_t> best(tokens);
  std::iota(best.begin(), best.end(), 0);
  const auto last = best.begin() + static_cast<std::ptrdiff_t>(sequence.kept);
  std::nth_element(best.begin(), last - 1, best.end(), [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  std::vector<char> kept(tokens, 0);
  for (auto token = best.begin(); token != last; ++token) kept[*token] = 1;
  return kept;
}

std::vector<char> kept_by_counting(const Sequence& sequence, detail::TokenRandom& random) {
  std::vector<char> kept(static_cast<std::size_t>(sequence.tokens), 0);
  std::int64_t wanted = sequence.kept;
  for (std::int64_t token = 0; token < sequence.tokens; ++token) {
    const double left = static_cast<double>(sequence.tokens - token);
    // 53 bits: a float's would favour some tokens of a sequence of millions.
    const double uniform = static_cast<double>(random.bits() >> 11) * 0x1p-53;
    if (uniform * left >= static_cast<double>(wanted)) continue;
    kept[static_cast<std::size_t>(token)] = 1;
    --wanted;
  }
  return kept;
}

}  // namespace moesim
