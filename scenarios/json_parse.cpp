#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

// Builds the document from the parser's events, since the library's own builder keeps the last of two equal keys and
// nests as deep as the text does. The parser itself does not recurse.
class StrictBuilder final : public nlohmann::json_sax<json> {
 public:
  StrictBuilder(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}

  json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(json::number_integer_t value) override { return put(value); }
  bool number_unsigned(json::number_unsigned_t value) override { return put(value); }
  bool number_float(json::number_float_t value, const json::string_t&) override { return put(value); }
  bool string(json::string_t& value) override { return put(std::move(value)); }
  bool binary(json::binary_t&) override { return false; }  // No such thing in a text.

  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(json::string_t& key) override {
    if (open_.back()->contains(key)) {
      throw InputError(where_, join_pointer(pointer(), key), "this key twice in one object", "each key once");
    }
    key_ = std::move(key);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    fail_at(position, "text that is not JSON: " + reason(error.what()));
  }

  // `position` counts the bytes read, the offending one included.
  [[noreturn]] void fail_at(std::size_t position, const std::string& why) const {
    const std::string_view before = text_.substr(0, position == 0 ? 0 : std::min(position - 1, text_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    throw InputError(fmt::format("{}:{}:{}", where_, line, before.size() - line_start + 1), pointer(), why,
                     "a JSON document");
  }

 private:
  template <class Value>
  bool put(Value&& value) {
    place(json(std::forward<Value>(value)));
    return true;
  }

  json& place(json value) {
    if (open_.empty()) return root_ = std::move(value);
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return parent.back();
    }
    return parent[key_] = std::move(value);
  }

  bool open(json value) {
    if (open_.size() == kMaxDepth) {
      throw InputError(where_, pointer(), fmt::format("more than {} levels of nesting", kMaxDepth),
                       fmt::format("at most {} levels", kMaxDepth));
    }
    steps_.push_back(step());
    open_.push_back(&place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    steps_.pop_back();
    return true;
  }

  // How the next value is reached from its parent.
  std::string step() const {
    if (open_.empty()) return "";
    return open_.back()->is_array() ? std::to_string(open_.back()->size()) : key_;
  }

  // Of the innermost object or array that is open; a long one keeps its beginning.
  std::string pointer() const {
    std::string result;
    for (std::size_t level = 1; level < steps_.size(); ++level) {
      if (result.size() > 100) return result + "/...";
      result = join_pointer(result, steps_[level]);
    }
    return result;
  }

  // The library's reason without its prefix, which ends in "column N: " for a syntax error and in "] " for others.
  static std::string reason(std::string_view what) {
    const std::size_t column = what.find("column ");
    const std::size_t colon = column == std::string_view::npos ? column : what.find(": ", column);
    const std::size_t bracket = what.find("] ");
    if (colon != std::string_view::npos) {
      what.remove_prefix(colon + 2);
    } else if (bracket != std::string_view::npos) {
      what.remove_prefix(bracket + 2);
    }
    std::string shown;
    for (std::string_view rest = what.substr(0, 300); !rest.empty();
         rest.remove_prefix(std::min<std::size_t>(60, rest.size()))) {
      shown += shorten_text(rest.substr(0, 60));
    }
    return what.size() > 300 ? shown + "..." : shown;
  }

  std::string_view text_;
  std::string where_;
  json root_;
  std::vector<json*> open_;         // Objects and arrays that are not closed yet, outermost first.
  std::vector<std::string> steps_;  // How each of them is reached from the one before.
  std::string key_;
};

}  // namespace

json parse_json(std::string_view text, const std::string& where) {
  if (text.size() > kMaxBytes) {
    throw InputError(where, "", fmt::format("{} bytes", text.size()), fmt::format("at most {} bytes", kMaxBytes));
  }
  StrictBuilder builder(text, where);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    throw InputError(where, "", "nothing: the text is empty", "a JSON document");
  }
  // The library takes a NUL for the end of the text and would not look at what follows.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) builder.fail_at(nul + 1, "a NUL byte");
  json::sax_parse(text, &builder);
  return builder.take();
}

}  // namespace moesim
