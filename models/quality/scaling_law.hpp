#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/architecture/model_card.hpp"
#include "sim/card.hpp"

namespace moesim {

// What a model is to a law of its loss. Parameters are those of the network without embedding tables and head.
struct LawInput {
  double total_params = 1;
  double active_params = 1;    // What one token uses.
  double training_tokens = 1;  // D
  double expansion = 1;        // E: FFN parameters over those that one token uses. 1 is dense.
  double granularity = 1;      // G: FFN parameters that one token uses over those of one routed expert.
};

// The model trained on so many tokens. FFN parameters are those of its MoE layers. A dense model has E = G = 1.
LawInput law_input(const ModelCard& card, double training_tokens);

// One quantity of a law's input: its key in cards, its place and meaning.
struct LawQuantity {
  std::string_view name;
  double LawInput::*value;
  std::string_view meaning;
};
std::span<const LawQuantity> law_quantities();

// A shape of law. docs/models/quality.md has the formulas and their symbols.
enum class LawForm {
  granularity,    // Krajewski et al. 2024: L = c + (g / G^gamma + a) / N^alpha + b / D^beta, N total
  joint_experts,  // Ludziejewski et al. 2025: L = a E'^delta N^(alpha + gamma ln E') + b E'^omega D^(beta + zeta ln E')
                  // + c, N active
  routed,         // Clark et al. 2022: log10 L = a log10 N + b log10 E' + c log10 N log10 E' + d, N active
};
std::optional<LawForm> law_form(std::string_view name);
std::string_view name(LawForm form);
std::span<const std::string_view> law_constants(LawForm form);  // The constants that it has, all of them.

struct LawRange {
  std::string quantity;  // Of law_quantities().
  double min = 0;
  double max = 0;
};

// A published law of the loss, as it was fitted.
struct ScalingLaw {
  std::string name;
  std::string title;
  LawForm form = LawForm::granularity;
  std::vector<std::pair<std::string, double>> constants;  // In the order of law_constants(form).
  std::vector<LawRange> fitted;                           // What its runs covered.
  std::string loss;        // What the number is: nats a token, on which text. Losses of two laws do not compare.
  std::string provenance;  // How the constants came here.
  std::string source;
};

// Ê of the forms with E_start and E_max, which saturates at both ends:
//   1 / Ê = 1 / (E - 1 + 1 / (1 / E_start - 1 / E_max)) + 1 / E_max, so that Ê(1) = E_start.
double saturated_experts(double experts, double start, double max);

// In the unit of `law.loss`.
double predicted_loss(const ScalingLaw& law, const LawInput& input);

// Why the law says nothing certain of `input`: one line for each quantity outside the range that it was fitted in,
// "total_params 4.55e+10, fitted up to 3.7e+09". Empty inside.
std::vector<std::string> outside_fit(const ScalingLaw& law, const LawInput& input);

// The cards of laws/, compiled in. scenarios/scaling_law_json.hpp reads them.
std::span<const Card> law_cards();

}  // namespace moesim
