#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/json_text.hpp"
#include "scenarios/scaling_law_json.hpp"
#include "scenarios/show_cards.hpp"

namespace moesim {
namespace {

std::string law_text(const ScalingLaw& law, const ReportStyle& style) {
  std::string text = bold(fmt::format("{}: {}", law.name, law.title), style) + "\n";
  text += "  " + wrap(law.source, 94, 2) + "\n\n  form " + std::string(name(law.form)) + "\n";
  for (const auto& [constant, value] : law.constants) text += fmt::format("    {:<10}{:>10.6g}\n", constant, value);
  text += "\n  Its runs covered\n";
  for (const LawRange& range : law.fitted) {
    text += fmt::format("    {:<18}{:>10.4g} to {:.4g}\n", range.quantity, range.min, range.max);
  }
  text += fmt::format("\n  Predicts {}.\n  ", law.loss) + wrap(law.provenance, 94, 2) + "\n";
  return text;
}

}  // namespace

CardReport show_law(const std::string& name) {
  const ScalingLaw law = read_named_law(name, "show law", "NAME");
  return {[law] { return pretty_json(scaling_law_json(law)); },
          [law](const ReportStyle& style) { return law_text(law, style); }};
}

CardReport show_laws() {
  return {[] {
            nlohmann::ordered_json all = nlohmann::ordered_json::object();
            for (const std::string_view name : law_names()) {
              all[std::string(name)] = scaling_law_json(read_named_law(std::string(name), "show law", "NAME"));
            }
            return pretty_json(all);
          },
          [](const ReportStyle& style) {
            std::string text = bold(fmt::format("{:<22}{}", "name", "loss as a function of"), style) + "\n";
            for (const std::string_view name : law_names()) {
              text += fmt::format("{:<22}{}\n", name, read_named_law(std::string(name), "show law", "NAME").title);
            }
            return text;
          }};
}

}  // namespace moesim
