#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_source.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/library_json.hpp"
#include "scenarios/show_cards.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

std::string_view meaning(const std::string& constant) {
  const auto all = library_constants();
  return std::find_if(all.begin(), all.end(), [&](const LibraryConstantInfo& info) { return info.name == constant; })
      ->meaning;
}

std::string origin_text(ConstantOrigin origin) {
  switch (origin) {
    case ConstantOrigin::fitted:
      return "Fitted: ";
    case ConstantOrigin::borrowed:
      return "Borrowed: ";
    case ConstantOrigin::published:
      return "";
  }
  return "";
}

std::string library_text(const ExchangeLibrary& library, const ReportStyle& style) {
  std::string text = bold(fmt::format("{}: {}", library.name, library.description), style) + "\n";
  for (const LibraryConstant& constant : library.constants) {
    text += fmt::format("\n  {:<24}{:>10.5g}   {}\n", constant.name, constant.value, meaning(constant.name));
    text += "    " + wrap(origin_text(constant.origin) + constant.source, 94, 4) + "\n";
  }
  return text;
}

std::string library_list_text(const ReportStyle& style) {
  std::string text =
      bold(fmt::format("{:<26}{:<20}{:<14}{:<24}{}", "name", "library", "GPUs", "algorithms", "fitted constants"),
           style) +
      "\n";
  for (const std::string_view card : library_names()) {
    const ExchangeLibrary library = catalog_library(card);
    std::vector<std::string_view> algorithms;
    for (const ExchangeAlgorithm algorithm : library.algorithms) algorithms.push_back(name(algorithm));
    if (algorithms.empty()) algorithms.emplace_back("collectives");
    const auto fitted = std::count_if(library.constants.begin(), library.constants.end(),
                                      [](const LibraryConstant& c) { return c.origin == ConstantOrigin::fitted; });
    text += fmt::format("{:<26}{:<20}{:<14}{:<24}{} of {}\n", card, library.library,
                        fmt::format("{}", fmt::join(library.gpus, ", ")),
                        fmt::format("{}", fmt::join(algorithms, ", ")), fitted, library.constants.size());
  }
  return text;
}

}  // namespace

CardReport show_library(const std::string& name) {
  const ExchangeLibrary library = read_library_source(nlohmann::json(name), "show library", "NAME").card;
  return {[library] { return pretty_json(library_json(library)); },
          [library](const ReportStyle& style) { return library_text(library, style); }};
}

CardReport show_libraries() {
  return {[] {
            ordered_json all = ordered_json::object();
            for (const std::string_view name : library_names()) {
              all[std::string(name)] = library_json(catalog_library(name));
            }
            return pretty_json(all);
          },
          [](const ReportStyle& style) { return library_list_text(style); }};
}

}  // namespace moesim
