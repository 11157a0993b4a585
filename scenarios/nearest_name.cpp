#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "scenarios/json_reader.hpp"

namespace moesim {

namespace {

constexpr std::size_t kMostSuggested = 5;
constexpr std::size_t kLongestName = 200;  // Keeps the quadratic table small whatever the input.

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_' || c == ' ') c = '-';
  }
  return result;
}

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

std::optional<std::string> nearest_by_edits(std::string_view wanted, std::span<const std::string_view> known) {
  std::optional<std::string> nearest;
  std::size_t least = 1 + std::max<std::size_t>(1, wanted.size() / 3);
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(wanted, lower(candidate));
    if (distance < least && distance < candidate.size()) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

// "mixtral" for "mixtral-8x7b", and then "mixtrl": far by edits, near for a person.
std::vector<std::string> names_that_begin(std::string_view wanted, std::span<const std::string_view> known) {
  std::vector<std::string> found;
  if (wanted.size() < 3) return found;
  for (const std::size_t slips : {std::size_t{0}, std::size_t{1}}) {
    for (const std::string_view candidate : known) {
      const std::string whole = lower(candidate);
      bool near = whole.starts_with(wanted);
      if (slips > 0 && wanted.size() >= 5) {
        for (std::size_t length = wanted.size() - 1; length <= std::min(whole.size(), wanted.size() + 1); ++length) {
          near = near || edit_distance(wanted, std::string_view(whole).substr(0, length)) <= slips;
        }
      }
      if (near && found.size() < kMostSuggested) found.emplace_back(candidate);
    }
    if (!found.empty()) return found;
  }
  return found;
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string_view> known) {
  if (name.size() > kLongestName) return std::nullopt;
  const std::string wanted = lower(name);
  if (auto nearest = nearest_by_edits(wanted, known)) return nearest;
  const std::vector<std::string> longer = names_that_begin(wanted, known);
  if (!longer.empty()) return longer.front();
  if (wanted.size() < 3) return std::nullopt;
  for (const std::string_view candidate : known) {
    if (lower(candidate).find(wanted) != std::string::npos) return std::string(candidate);
  }
  return std::nullopt;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> known) {
  if (name.size() > kLongestName) return "";
  const std::string wanted = lower(name);
  std::vector<std::string> names;
  if (!nearest_by_edits(wanted, known)) names = names_that_begin(wanted, known);
  if (names.empty()) {
    if (const auto nearest = nearest_name(name, known)) names.push_back(*nearest);
  }
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    list += fmt::format("{}\"{}\"", i == 0 ? "" : i + 1 == names.size() ? " or " : ", ", names[i]);
  }
  return list.empty() ? "" : "; did you mean " + list + "?";
}

}  // namespace moesim
