#include "validate/import/torch_ops.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/json_text.hpp"
#include "validate/import/text_scan.hpp"

namespace moesim {

using nlohmann::json;

namespace {

using Dims = std::vector<std::int64_t>;

struct ElementType {
  std::string_view name;  // In "Input type" and, of collectives, in "dtype".
  std::string_view dtype;
  std::int64_t bytes;
};
constexpr std::array<ElementType, 18> kTypes{{{"c10::BFloat16", "bf16", 2},
                                              {"BFloat16", "bf16", 2},
                                              {"c10::Half", "fp16", 2},
                                              {"Half", "fp16", 2},
                                              {"float", "fp32", 4},
                                              {"Float", "fp32", 4},
                                              {"c10::Float8_e4m3fn", "fp8", 1},
                                              {"c10::Float8_e5m2", "fp8", 1},
                                              {"Float8_e4m3fn", "fp8", 1},
                                              {"Float8_e5m2", "fp8", 1},
                                              {"signed char", "int8", 1},
                                              {"Char", "int8", 1},
                                              {"Byte", "", 1},
                                              {"Bool", "", 1},
                                              {"Int", "", 4},
                                              {"Long", "", 8},
                                              {"Double", "", 8},
                                              {"Short", "", 2}}};

const ElementType* type_named(std::string_view name) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const ElementType& t) { return t.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

std::string string_of(const json& args, const char* key) {
  const auto found = args.find(key);
  return found != args.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The key of newer traces, or of older ones.
const json* either(const json& args, const char* key, const char* older) {
  auto found = args.find(key);
  if (found == args.end()) found = args.find(older);
  return found == args.end() || !found->is_array() ? nullptr : &*found;
}

Dims dims_of(const json& inputs, std::size_t index) {
  Dims dims;
  if (index >= inputs.size() || !inputs[index].is_array()) return dims;
  for (const json& each : inputs[index]) {
    if (!each.is_number_integer() || each.get<std::int64_t>() < 0) return {};
    dims.push_back(each.get<std::int64_t>());
  }
  return dims;
}

// The rows of a tensor whose last dimension is taken by the product; empty where they are beyond reason.
std::optional<std::int64_t> rows_of(const Dims& dims) {
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < dims.size(); ++i) {
    if (dims[i] > (std::int64_t{1} << 30) || rows > (std::int64_t{1} << 30)) return std::nullopt;
    rows *= dims[i];
  }
  return rows;
}

std::int64_t elements(const Dims& dims) {
  std::int64_t product = 1;
  for (const std::int64_t each : dims) product *= std::min<std::int64_t>(each, 1 << 20);
  return product;
}

struct Operator {
  std::string_view name;
  std::size_t left;      // Which input is [m, k],
  std::size_t right;     // and which [k, n],
  bool right_is_n_by_k;  // or [n, k] as the weights of a layer.
};
constexpr std::array<Operator, 5> kOperators{{{"aten::mm", 0, 1, false},
                                              {"aten::addmm", 1, 2, false},
                                              {"aten::linear", 0, 1, true},
                                              {"aten::_scaled_mm", 0, 1, false},
                                              {"aten::_grouped_mm", 0, 1, false}}};

TorchRow problem(std::string what) { return {{}, std::move(what)}; }

TorchRow product_of(const Operator& op, const json& inputs, const json& types) {
  const Dims left = dims_of(inputs, op.left);
  const Dims right = dims_of(inputs, op.right);
  const bool grouped = op.name == "aten::_grouped_mm";
  if (left.size() < 2 || right.size() != (grouped ? 3u : 2u) || (grouped && left.size() != 2)) {
    return problem("shapes that are no product of rows and a matrix");
  }
  const auto rows = rows_of(left);
  const std::int64_t k = op.right_is_n_by_k ? right[right.size() - 1] : right[right.size() - 2];
  const std::int64_t n = op.right_is_n_by_k ? right[right.size() - 2] : right[right.size() - 1];
  if (!rows || left.back() != k) return problem("shapes that do not fit each other");
  const bool named = op.left < types.size() && types[op.left].is_string();
  const ElementType* type = named ? type_named(types[op.left].get<std::string>()) : nullptr;
  if (type == nullptr || type->dtype.empty()) return problem("a data type that measurement files do not have");

  TorchRow row;
  row.fields = {{"kernel", "gemm"},
                {"library", "torch"},
                {"dtype", std::string(type->dtype)},
                {"n", std::to_string(n)},
                {"k", std::to_string(k)}};
  row.fields[grouped ? "rows" : "m"] = std::to_string(*rows);
  if (grouped) {
    row.fields["kernel"] = "grouped_gemm";
    row.fields["groups"] = std::to_string(right.front());
  }
  if (op.name == "aten::_scaled_mm") {
    const Dims scales = dims_of(inputs, 2);
    if (scales.size() == 2 && scales[1] > 1 && scales[1] == (k + 127) / 128) {
      row.fields["dtype"] = "fp8_block";
    } else if (elements(scales) != 1) {
      return problem("scales that are neither one a tensor nor one for 128");
    }
  }
  return row;
}

// [4096, 4096]: do all ranks get the same? "[]" and no text say so, too.
bool is_even(const std::string& split) {
  std::string_view first;
  std::string_view rest = split;
  while (true) {
    const auto begin = rest.find_first_of("0123456789");
    if (begin == std::string_view::npos) return true;
    rest.remove_prefix(begin);
    const std::string_view number = rest.substr(0, rest.find_first_not_of("0123456789"));
    if (first.empty()) first = number;
    if (number != first) return false;
    rest.remove_prefix(number.size());
  }
}

}  // namespace

std::optional<std::int64_t> integer_of(const json& args, const char* key) {
  const auto found = args.find(key);
  if (found == args.end()) return std::nullopt;
  if (found->is_number_integer()) return found->get<std::int64_t>();
  return found->is_string() ? parse_number<std::int64_t>(found->get_ref<const std::string&>()) : std::nullopt;
}

std::optional<TorchRow> torch_product(std::string_view name, const json& args) {
  const auto op = std::find_if(kOperators.begin(), kOperators.end(), [&](const Operator& o) { return o.name == name; });
  if (op == kOperators.end()) return std::nullopt;
  const json* dims = either(args, "Input Dims", "Input dims");
  const json* types = either(args, "Input type", "Input Type");
  if (dims == nullptr || types == nullptr) return problem("no shapes were recorded (record_shapes=True does)");
  return product_of(*op, *dims, *types);
}

TorchRow torch_collective(const json& args) {
  const std::string name = string_of(args, "Collective name");
  const auto is = [&](std::string_view part) { return name.find(part) != std::string::npos; };
  std::string_view kernel;
  bool counts_output = false;  // nccl-tests gives the larger buffer of the two.
  if (is("allreduce") || is("all_reduce")) kernel = "all_reduce";
  if (is("allgather") || is("all_gather")) kernel = "all_gather", counts_output = true;
  if (is("reduce_scatter") || is("reducescatter")) kernel = "reduce_scatter";
  if (is("all_to_all") || is("alltoall")) kernel = "all_to_all";
  if (kernel.empty()) return problem(fmt::format("collective \"{}\"", shorten_text(name)));
  const auto count = integer_of(args, counts_output ? "Out msg nelems" : "In msg nelems");
  const auto ranks = integer_of(args, "Group size");
  const ElementType* type = type_named(string_of(args, "dtype"));
  if (!count || !ranks || type == nullptr || *count <= 0 || *count > (std::int64_t{1} << 45)) {
    return problem(fmt::format("{} without size, ranks or data type", kernel));
  }
  if (*ranks < 2) return problem("one rank alone exchanges nothing");
  if (!is_even(string_of(args, "In split size")) || !is_even(string_of(args, "Out split size"))) {
    return problem(fmt::format("{} with uneven splits", kernel));
  }
  return {{{"kernel", std::string(kernel)},
           {"library", "nccl"},
           {"ranks", std::to_string(*ranks)},
           {"bytes", std::to_string(*count * type->bytes)}},
          ""};
}

}  // namespace moesim
