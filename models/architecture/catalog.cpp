#include "models/architecture/catalog.hpp"

#include <array>

#include <fmt/format.h>

namespace moesim {
namespace {

struct Undisclosed {
  std::string_view name;  // Also of its variants: "gpt-4" answers for "gpt-4-turbo".
  std::string_view reason;
};

constexpr std::string_view kNothing = "its developer has published neither its size nor its layers";
constexpr std::string_view kTotals = "only totals are published, not the widths of its layers";
constexpr std::array<Undisclosed, 18> kUndisclosed{{{"gpt-4", kNothing},
                                                    {"gpt-4o", kNothing},
                                                    {"gpt-4.1", kNothing},
                                                    {"gpt-4.5", kNothing},
                                                    {"gpt-5", kNothing},
                                                    {"o1", kNothing},
                                                    {"o3", kNothing},
                                                    {"o4", kNothing},
                                                    {"gemini", kNothing},
                                                    {"claude", kNothing},
                                                    {"grok-3", kNothing},
                                                    {"grok-4", kNothing},
                                                    {"qwen-max", kNothing},
                                                    {"qwen2.5-max", kNothing},
                                                    {"qwen3-max", kNothing},
                                                    {"mistral-medium", kNothing},
                                                    {"ling-3.0-flash", kTotals},
                                                    {"longcat-2.0", kTotals}}};

// `name` itself, or `name` with something behind a separator.
bool is_variant(std::string_view asked, std::string_view name) {
  if (!asked.starts_with(name)) return false;
  return asked.size() == name.size() || asked[name.size()] == '-';
}

}  // namespace

std::optional<std::string> undisclosed_reason(std::string_view name) {
  for (const Undisclosed& model : kUndisclosed) {
    if (is_variant(name, model.name)) return fmt::format("there is no card for {}: {}", name, model.reason);
  }
  return std::nullopt;
}

}  // namespace moesim
