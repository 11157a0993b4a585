#include "validate/import/trace_events.hpp"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

namespace moesim {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxDepth = 100;

// Builds each element of the wanted arrays, and lets all else pass.
class EventReader final : public nlohmann::json_sax<json> {
 public:
  using Take = std::function<void(const json&)>;
  EventReader(std::string_view text, const Take& event, const Take& device)
      : text_(text), event_(event), device_(device) {}

  const std::optional<TraceBreak>& broken() const { return broken_; }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(json::number_integer_t value) override { return put(value); }
  bool number_unsigned(json::number_unsigned_t value) override { return put(value); }
  bool number_float(json::number_float_t value, const json::string_t&) override { return put(value); }
  bool string(json::string_t& value) override { return put(std::move(value)); }
  bool binary(json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(json::string_t& key) override {
    (building_.empty() && depth_ == 1 ? root_key_ : key_) = std::move(key);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    const std::size_t read = std::min(position, text_.size());
    broken_ = TraceBreak{1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(read), '\n'),
                         position >= text_.size()};
    return false;
  }

 private:
  // In an array that is wanted, and not yet in one of its elements?
  bool is_between_elements() const { return take_ != nullptr && building_.empty() && depth_ == array_depth_; }

  template <class Value>
  bool put(Value&& value) {
    if (!building_.empty()) place(json(std::forward<Value>(value)));
    return true;
  }

  json& place(json value) {
    json& parent = *building_.back();
    if (!parent.is_array()) return parent[key_] = std::move(value);
    parent.push_back(std::move(value));
    return parent.back();
  }

  bool open(json value) {
    if (!building_.empty()) {
      if (building_.size() == kMaxDepth) return false;
      building_.push_back(&place(std::move(value)));
      return true;
    }
    if (is_between_elements()) {
      element_ = std::move(value);
      building_.push_back(&element_);
      return true;
    }
    if (value.is_array() && depth_ <= 1 && take_ == nullptr) {
      take_ = depth_ == 0 || root_key_ == "traceEvents" ? &event_
              : root_key_ == "deviceProperties"         ? &device_
                                                        : nullptr;
      array_depth_ = depth_ + 1;
    }
    ++depth_;
    return true;
  }

  bool close() {
    if (!building_.empty()) {
      building_.pop_back();
      if (building_.empty()) (*take_)(element_);
      return true;
    }
    --depth_;
    if (depth_ < array_depth_) take_ = nullptr;
    return true;
  }

  std::string_view text_;
  const Take& event_;
  const Take& device_;
  const Take* take_ = nullptr;  // Who gets the elements of the array that is open; null: not a wanted array.
  std::size_t array_depth_ = 0;
  std::size_t depth_ = 0;  // Open objects and arrays outside of elements.
  json element_;
  std::vector<json*> building_;  // What is open of the element, outermost first.
  std::string root_key_;
  std::string key_;
  std::optional<TraceBreak> broken_;
};

}  // namespace

std::optional<TraceBreak> read_trace_events(std::string_view text, const std::function<void(const json&)>& event,
                                            const std::function<void(const json&)>& device) {
  EventReader reader(text, event, device);
  json::sax_parse(text, &reader);
  return reader.broken();
}

}  // namespace moesim
