#include "validate/probes/host/options.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "scenarios/error.hpp"
#include "validate/probes/host/plan.hpp"

namespace moesim::probe {
namespace {

std::int64_t whole_number(const std::string& flag, const std::string& text, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most) {
    throw InputError(fmt::format("{}: found \"{}\", expected a whole number from 0 to {}", flag, text, most));
  }
  return value;
}

}  // namespace

Options parse_options(std::span<const std::string> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& flag = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == arguments.size()) throw InputError(flag + ": found nothing, expected a value after it");
      return arguments[++i];
    };
    if (flag == "--help" || flag == "-h") {
      options.help = true;
    } else if (flag == "--list") {
      options.list = true;
    } else if (flag == "--quick") {
      options.quick = true;
    } else if (flag == "--output" || flag == "-o") {
      options.output = value();
    } else if (flag == "--only") {
      options.only = value();
      if (std::find(kFamilies.begin(), kFamilies.end(), *options.only) == kFamilies.end()) {
        throw InputError(
            fmt::format("--only: found \"{}\", expected one of {}", *options.only, fmt::join(kFamilies, ", ")));
      }
    } else if (flag == "--finish") {
      options.finish = value();
    } else if (flag == "--seed") {
      options.seed = whole_number(flag, value(), std::numeric_limits<std::int64_t>::max() / 2);
    } else if (flag == "--device") {
      options.device = static_cast<int>(whole_number(flag, value(), 1023));
    } else {
      throw InputError(fmt::format("found \"{}\", expected an option that --help lists", flag));
    }
  }
  return options;
}

}  // namespace moesim::probe
