#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/json_text.hpp"
#include "validate/import/import_format.hpp"
#include "validate/import/repeats.hpp"
#include "validate/import/torch_ops.hpp"
#include "validate/import/trace_events.hpp"

namespace moesim {

using nlohmann::json;

namespace {

constexpr std::size_t kMostLeftOut = 10;

struct LeftOut {
  std::int64_t kernels = 0;
  double us = 0;
};

class Reader {
 public:
  Reader(std::string where, ImportedRows& rows) : where_(std::move(where)), rows_(rows) {}

  void read(std::string_view text) {
    const auto broken = read_trace_events(
        text, [this](const json& event) { take_event(event); }, [this](const json& device) { take_device(device); });
    if (broken) {
      rows_.skip(fmt::format("{}:{}", where_, broken->line),
                 broken->at_end ? "the trace ends too early" : "no JSON from here on");
    }
    match_products();
    repeats_.move_to(rows_);
    name_what_is_left_out();
  }

 private:
  struct Kernel {
    std::string name;
    double us;
    std::optional<std::int64_t> correlation;
    std::optional<std::int64_t> external_id;
  };
  struct Product {
    TorchRow row;
    double us = 0;
    std::vector<std::size_t> kernels;
  };

  void take_device(const json& device) {
    if (device.is_object() && device.contains("name") && device["name"].is_string()) {
      rows_.set_about("device", device["name"].get<std::string>());
    }
  }

  void take_event(const json& event) {
    if (!event.is_object() || text(event, "ph") != "X") return;
    const std::string category = text(event, "cat");
    const auto found = event.find("args");
    static const json kNone = json::object();
    const json& args = found != event.end() && found->is_object() ? *found : kNone;
    if (category == "cpu_op" || category == "Operator") {
      const auto id = external_id(args);
      auto product = torch_product(text(event, "name"), args);
      if (id && product) products_.emplace(*id, Product{std::move(*product), 0, {}});
    } else if (category == "cuda_runtime" || category == "cuda_driver" || category == "Runtime") {
      const auto correlation = integer_of(args, "correlation");
      const auto id = external_id(args);
      if (correlation && id) launches_.emplace(*correlation, *id);
    } else if (category == "kernel" || category == "Kernel" || category == "gpu_memcpy" || category == "Memcpy") {
      take_kernel(event, args);
    }
  }

  void take_kernel(const json& event, const json& args) {
    const std::string name = text(event, "name");
    const auto time = event.find("dur");
    if (time == event.end() || !time->is_number() || !(time->get<double>() > 0))
      return leave_out(name, "no duration", 0);
    const double us = time->get<double>();
    if (name.substr(0, 11) == "Memcpy DtoD") {
      const auto bytes = integer_of(args, "bytes");
      if (!bytes || *bytes <= 0 || *bytes > (std::int64_t{1} << 48)) return leave_out(name, "no bytes", us);
      // Read once and written once.
      repeats_.add(where_, {{"kernel", "copy"}, {"library", "cuda"}, {"bytes", std::to_string(2 * *bytes)}}, us);
    } else if (args.contains("Collective name")) {
      const TorchRow row = torch_collective(args);
      if (!row.problem.empty()) return leave_out(name, row.problem, us);
      repeats_.add(where_, row.fields, us);
    } else if (name.substr(0, 4) == "nccl") {
      leave_out(name, "no \"Collective name\" among its arguments", us);
    } else {
      kernels_.push_back({name, us, integer_of(args, "correlation"), external_id(args)});
    }
  }

  // A product may take several kernels (split-K and its sum): its time is that of them all.
  void match_products() {
    std::vector<std::int64_t> order;
    for (std::size_t i = 0; i < kernels_.size(); ++i) {
      const auto id = product_of(kernels_[i]);
      if (!id) {
        leave_out(kernels_[i].name, "of no operator with a shape", kernels_[i].us);
        continue;
      }
      Product& product = products_.at(*id);
      if (product.kernels.empty()) order.push_back(*id);
      product.us += kernels_[i].us;
      product.kernels.push_back(i);
    }
    for (const std::int64_t id : order) {
      Product& product = products_.at(id);
      RowFields fields = product.row.fields;
      for (const std::size_t i : product.kernels) {
        if (!product.row.problem.empty()) leave_out(kernels_[i].name, product.row.problem, kernels_[i].us);
        // Single precision whose name betrays the tensor cores' shorter one.
        if (kernels_[i].name.find("tf32") != std::string::npos && fields["dtype"] == "fp32") fields["dtype"] = "tf32";
      }
      if (product.row.problem.empty()) repeats_.add(where_, fields, product.us);
    }
  }

  std::optional<std::int64_t> product_of(const Kernel& kernel) const {
    if (kernel.correlation) {
      const auto launch = launches_.find(*kernel.correlation);
      if (launch != launches_.end() && products_.count(launch->second) > 0) return launch->second;
    }
    return kernel.external_id && products_.count(*kernel.external_id) > 0 ? kernel.external_id : std::nullopt;
  }

  static std::string text(const json& event, const char* key) {
    const auto found = event.find(key);
    return found != event.end() && found->is_string() ? found->get<std::string>() : std::string();
  }

  static std::optional<std::int64_t> external_id(const json& args) {
    const auto id = integer_of(args, "External id");
    return id ? id : integer_of(args, "external id");
  }

  void leave_out(const std::string& name, const std::string& why, double us) {
    LeftOut& left = left_out_[{name, why}];
    ++left.kernels;
    left.us += us;
  }

  void name_what_is_left_out() {
    std::vector<std::pair<std::pair<std::string, std::string>, LeftOut>> all(left_out_.begin(), left_out_.end());
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second.us > b.second.us; });
    LeftOut rest;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& [key, left] = all[i];
      if (i < kMostLeftOut) {
        rows_.skip(where_, fmt::format("{} x {}, {:.1f} us in all: {}", left.kernels, shorten_text(key.first), left.us,
                                       key.second));
      } else {
        rest.kernels += left.kernels;
        rest.us += left.us;
      }
    }
    if (all.size() > kMostLeftOut) {
      rows_.skip(where_, fmt::format("{} kernels of {} other names, {:.1f} us in all", rest.kernels,
                                     all.size() - kMostLeftOut, rest.us));
    }
  }

  std::string where_;
  ImportedRows& rows_;
  Repeats repeats_;
  std::vector<Kernel> kernels_;
  std::unordered_map<std::int64_t, Product> products_;               // By external id.
  std::unordered_map<std::int64_t, std::int64_t> launches_;          // Correlation -> external id.
  std::map<std::pair<std::string, std::string>, LeftOut> left_out_;  // By name and reason.
};

bool looks_like_trace(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return false;
  if (text[first] == '[') return text.substr(0, 65536).find("\"ph\"") != std::string_view::npos;
  return text[first] == '{' && text.find("\"traceEvents\"") != std::string_view::npos;
}

void read_trace(std::string_view text, const std::string& where, ImportedRows& rows) { Reader(where, rows).read(text); }

}  // namespace

const ImportFormat kTorchProfilerFormat = {"torch-profiler", "Chrome trace of the PyTorch profiler", looks_like_trace,
                                           read_trace};

}  // namespace moesim
