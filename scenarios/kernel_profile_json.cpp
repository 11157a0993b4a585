#include "scenarios/kernel_profile_json.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "models/kernels/profile_catalog.hpp"
#include "scenarios/card_json.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr double kMostOfARange = 1e18;
constexpr double kMostError = 1e300;  // Of anything that a fit can say.

std::string plain(JsonReader& reader, std::string_view key) {
  std::string text = reader.string(key);
  if (text.empty() || !is_plain_text(text)) reader.fail(key, shorten_json(text), "plain text");
  return text;
}

const KernelFamilyInfo& read_family(JsonReader& reader) {
  std::vector<std::string_view> names;
  for (const KernelFamilyInfo& family : kernel_families()) names.push_back(family.name);
  return kernel_families()[reader.choice("family", names)];
}

void read_constants(JsonReader reader, const KernelFamilyInfo& family, KernelFit& fit) {
  for (const ConstantInfo& info : family.constants) {
    fit.constants.emplace(info.name, reader.number(info.name, info.min, info.max));
  }
  reader.finish();
}

void read_ranges(JsonReader& reader, KernelFit& fit) {
  if (!reader.has("measured")) return;
  JsonReader ranges = reader.object("measured");
  for (const std::string& name : ranges.unread()) {
    const std::vector<double> ends = ranges.numbers(name, 0, kMostOfARange);
    if (ends.size() != 2 || ends[0] > ends[1]) {
      ranges.fail(name, shorten_json(ranges.raw(name)), "the smallest and the largest value measured");
    }
    fit.ranges.emplace(name, std::pair(ends[0], ends[1]));
  }
  ranges.finish();
}

FitRecord read_record(JsonReader reader) {
  FitRecord record;
  record.rows_fitted = reader.integer("rows_fitted", 0, INT64_MAX);
  record.rows_held_out = reader.integer("rows_held_out", 0, INT64_MAX);
  record.split_by = reader.string("split_by");
  record.seed = static_cast<std::uint64_t>(reader.integer("seed", 0, INT64_MAX));
  record.held_out_fraction = reader.number("held_out_fraction", 0, 1);
  record.error_fitted = reader.number("error_fitted", 0, kMostError);
  record.error_held_out = reader.number("error_held_out", 0, kMostError);
  record.roofline_held_out = reader.number("roofline_held_out", 0, kMostError);
  reader.finish();
  return record;
}

// One data type as measurements name it; of attention two, of the products and of the cache.
void check_precision(const JsonReader& reader, const KernelFamilyInfo& family, const KernelFit& fit) {
  constexpr std::string_view kTypes[] = {"bf16", "fp16", "fp32", "tf32", "fp8", "fp8_block", "int8", "fp4"};
  const auto known = [&](std::string_view type) {
    return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
  };
  const std::string_view precision = fit.precision;
  const auto slash = precision.find('/');
  const bool pair = slash != std::string_view::npos;
  if (pair == family.caches && known(precision.substr(0, slash)) && (!pair || known(precision.substr(slash + 1))))
    return;
  reader.fail(
      "precision", shorten_json(fit.precision),
      family.caches ? "two data types such as \"bf16/fp8\"" : fmt::format("one of {}", fmt::join(kTypes, ", ")));
}

KernelFit read_fit(JsonReader& reader) {
  KernelFit fit;
  const KernelFamilyInfo& family = read_family(reader);
  fit.family = family.name;
  fit.library = plain(reader, "library");
  fit.precision = plain(reader, "precision");
  check_precision(reader, family, fit);
  read_constants(reader.object("constants"), family, fit);
  read_ranges(reader, fit);
  if (reader.has("fit")) fit.record = read_record(reader.object("fit"));
  reader.finish();
  return fit;
}

ordered_json fit_json(const KernelFit& fit) {
  ordered_json constants = ordered_json::object();
  for (const ConstantInfo& info : kernel_family(fit.family)->constants) {
    constants[std::string(info.name)] = card_number(fit.constant(info.name));
  }
  ordered_json value = {
      {"family", fit.family}, {"library", fit.library}, {"precision", fit.precision}, {"constants", constants}};
  for (const auto& [name, ends] : fit.ranges) {
    value["measured"][name] = {card_number(ends.first), card_number(ends.second)};
  }
  if (fit.record) {
    const FitRecord& record = *fit.record;
    value["fit"] = {{"rows_fitted", record.rows_fitted},
                    {"rows_held_out", record.rows_held_out},
                    {"split_by", record.split_by},
                    {"seed", record.seed},
                    {"held_out_fraction", record.held_out_fraction},
                    {"error_fitted", card_number(record.error_fitted)},
                    {"error_held_out", card_number(record.error_held_out)},
                    {"roofline_held_out", card_number(record.roofline_held_out)}};
  }
  return value;
}

}  // namespace

KernelProfile read_kernel_profile(JsonReader reader) {
  KernelProfile profile;
  reader.integer("schema", 1, 1);
  reader.string_or("$schema", "");
  profile.name = plain(reader, "name");
  profile.gpu = plain(reader, "gpu");
  profile.origin = plain(reader, "origin");
  for (JsonReader& fit : reader.objects("fits")) {
    profile.fits.push_back(read_fit(fit));
    const KernelFit& last = profile.fits.back();
    if (profile.find(last.family, last.precision, last.library) != &last) {
      fit.fail("family", fmt::format("{} {} of {} twice", last.family, last.precision, last.library), "each fit once");
    }
  }
  reader.finish();
  return profile;
}

ordered_json kernel_profile_json(const KernelProfile& profile) {
  ordered_json fits = ordered_json::array();
  for (const KernelFit& fit : profile.fits) fits.push_back(fit_json(fit));
  return {{"schema", 1}, {"name", profile.name}, {"gpu", profile.gpu}, {"origin", profile.origin}, {"fits", fits}};
}

std::string kernel_profile_text(const KernelProfile& profile) { return pretty_json(kernel_profile_json(profile)); }

std::vector<std::string_view> kernel_profile_names() {
  std::vector<std::string_view> names;
  for (const Card& card : profile_cards()) names.push_back(card.name);
  return names;
}

KernelProfile catalog_kernel_profile(std::string_view name) {
  const auto cards = profile_cards();
  const auto found = std::find_if(cards.begin(), cards.end(), [&](const Card& card) { return card.name == name; });
  MOESIM_CHECK(found != cards.end(), "no profile \"{}\"", name);
  const std::string where = "profiles/" + std::string(name) + ".json";
  const json value = parse_json(found->text, where);
  return read_kernel_profile(JsonReader(value, where));
}

}  // namespace moesim
