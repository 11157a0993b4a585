#include "models/quality/scaling_law.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr std::array<LawQuantity, 5> kQuantities{{
    {"total_params", &LawInput::total_params, "parameters without embeddings and head"},
    {"active_params", &LawInput::active_params, "those that one token uses"},
    {"training_tokens", &LawInput::training_tokens, "tokens that the model is trained on"},
    {"expansion", &LawInput::expansion, "FFN parameters over those that one token uses"},
    {"granularity", &LawInput::granularity, "FFN parameters that one token uses over those of one expert"},
}};

constexpr std::array<std::string_view, 3> kForms{"granularity", "joint_experts", "routed"};
constexpr std::array<std::string_view, 7> kGranularity{"a", "alpha", "b", "beta", "g", "gamma", "c"};
constexpr std::array<std::string_view, 11> kJoint{"a",    "delta", "alpha", "gamma",   "b",    "omega",
                                                  "beta", "zeta",  "c",     "E_start", "E_max"};
constexpr std::array<std::string_view, 6> kRouted{"a", "b", "c", "d", "E_start", "E_max"};

double constant(const ScalingLaw& law, std::string_view wanted) {
  const auto found =
      std::find_if(law.constants.begin(), law.constants.end(), [&](const auto& each) { return each.first == wanted; });
  MOESIM_CHECK(found != law.constants.end(), "law {} has no {}", law.name, wanted);
  return found->second;
}

}  // namespace

std::span<const LawQuantity> law_quantities() { return kQuantities; }

std::optional<LawForm> law_form(std::string_view name) {
  const auto found = std::find(kForms.begin(), kForms.end(), name);
  if (found == kForms.end()) return std::nullopt;
  return static_cast<LawForm>(found - kForms.begin());
}

std::string_view name(LawForm form) { return kForms[static_cast<std::size_t>(form)]; }

std::span<const std::string_view> law_constants(LawForm form) {
  switch (form) {
    case LawForm::granularity:
      return kGranularity;
    case LawForm::joint_experts:
      return kJoint;
    case LawForm::routed:
      return kRouted;
  }
  return {};
}

double saturated_experts(double experts, double start, double max) {
  return 1 / (1 / (experts - 1 + 1 / (1 / start - 1 / max)) + 1 / max);
}

double predicted_loss(const ScalingLaw& law, const LawInput& input) {
  const auto c = [&](std::string_view wanted) { return constant(law, wanted); };
  const double tokens = input.training_tokens;
  switch (law.form) {
    case LawForm::granularity:
      return c("c") +
             (c("g") / std::pow(input.granularity, c("gamma")) + c("a")) / std::pow(input.total_params, c("alpha")) +
             c("b") / std::pow(tokens, c("beta"));
    case LawForm::joint_experts: {
      const double experts = saturated_experts(input.expansion, c("E_start"), c("E_max"));
      const double log = std::log(experts);
      return c("a") * std::pow(experts, c("delta")) * std::pow(input.active_params, c("alpha") + c("gamma") * log) +
             c("b") * std::pow(experts, c("omega")) * std::pow(tokens, c("beta") + c("zeta") * log) + c("c");
    }
    case LawForm::routed: {
      const double experts = std::log10(saturated_experts(input.expansion, c("E_start"), c("E_max")));
      const double size = std::log10(input.active_params);
      return std::pow(10, c("a") * size + c("b") * experts + c("c") * size * experts + c("d"));
    }
  }
  return 0;
}

std::vector<std::string> outside_fit(const ScalingLaw& law, const LawInput& input) {
  std::vector<std::string> reasons;
  for (const LawRange& range : law.fitted) {
    const auto quantity = std::find_if(kQuantities.begin(), kQuantities.end(),
                                       [&](const LawQuantity& each) { return each.name == range.quantity; });
    MOESIM_CHECK(quantity != kQuantities.end(), "law {} has a range of {}", law.name, range.quantity);
    const double value = input.*(quantity->value);
    if (value >= range.min && value <= range.max) continue;
    const std::string fitted = range.min == range.max ? fmt::format("at {:.4g} alone", range.max)
                               : value > range.max    ? fmt::format("up to {:.4g}", range.max)
                                                      : fmt::format("from {:.4g}", range.min);
    reasons.push_back(fmt::format("{} {:.4g}, fitted {}", range.quantity, value, fitted));
  }
  return reasons;
}

}  // namespace moesim
