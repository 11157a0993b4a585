#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/exchange/exchange_plan.hpp"
#include "sim/card.hpp"

namespace moesim {

// A constant of a communication library, as cards are read, written and fitted by. docs/models/exchange.md says what
// each does to a plan.
struct LibraryConstantInfo {
  std::string_view name;     // The unit last: "launch_us".
  std::string_view meaning;  // One line.
  double min;                // Allowed values, ends included.
  double max;
};
std::span<const LibraryConstantInfo> library_constants();

enum class ConstantOrigin {
  fitted,     // By `moesim validate network --fit`, on the rows that its source names.
  published,  // Read at its source, or derived from what stands there.
  borrowed,   // Fitted on another system's rows: the value of the card that its source names.
};

struct LibraryConstant {
  std::string name;  // Of library_constants().
  double value = 0;
  ConstantOrigin origin = ConstantOrigin::published;
  std::string source;
};

// What one communication library adds to the wire, and gets out of the links, on one kind of GPU.
struct ExchangeLibrary {
  std::string name;                           // The catalog's name: "deepep-h800".
  std::string library;                        // As scenarios name it for any GPU: "deepep".
  std::string description;                    // One line.
  std::vector<std::string> gpus;              // Names of GPU cards.
  std::vector<ExchangeAlgorithm> algorithms;  // That its kernels run. Empty: of collectives alone.
  std::vector<LibraryConstant> constants;     // Each at most once.

  std::optional<double> constant(std::string_view wanted) const;
  double constant_or(std::string_view wanted, double fallback) const { return constant(wanted).value_or(fallback); }
  bool uses_multiprocessors() const;  // Its rate depends on how many it holds.
};

// Fills in what the library's kernels add to an exchange when they hold `multiprocessors`.
void apply_library(const ExchangeLibrary& library, ExchangeDirection direction, int multiprocessors,
                   ExchangeOptions& options);

// The cards of libraries/, compiled in, in the order of their names. scenarios/library_json.hpp reads them.
std::span<const Card> library_cards();

}  // namespace moesim
