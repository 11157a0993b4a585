#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "scenarios/json_reader.hpp"

namespace moesim {

// A Hugging Face config.json. Keys go by several names; the first that is present counts, and an error names them all.
class HfConfig {
 public:
  using Names = std::initializer_list<std::string_view>;

  // Where the configuration has a "text_config" (vision-language models), reading goes on in there.
  HfConfig(const nlohmann::json& config, const std::string& where);

  bool has(Names names) const;
  std::int64_t integer(Names names, std::int64_t min, std::int64_t max);
  std::int64_t integer_or(Names names, std::int64_t min, std::int64_t max, std::int64_t fallback);
  double number_or(Names names, double min, double max, double fallback);
  bool boolean_or(Names names, bool fallback);
  std::string string_or(Names names, std::string_view fallback);
  std::vector<std::string> strings(Names names);  // Empty where there are none.
  std::vector<std::int64_t> integers(Names names);

  // Keys that nobody asked for and that are not known to leave parameter counts alone.
  std::vector<std::string> not_understood() const;
  bool has_text_config() const { return has_text_config_; }
  [[noreturn]] void fail(Names names, const std::string& found, const std::string& expected) const;

 private:
  std::optional<std::string_view> present(Names names) const;
  std::string_view require(Names names, std::string_view what) const;

  bool has_text_config_;
  JsonReader reader_;
};

}  // namespace moesim
