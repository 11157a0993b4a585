#include "scenarios/infragraph_import.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_json.hpp"
#include "scenarios/card_source.hpp"
#include "scenarios/cluster_card_json.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/text_file.hpp"

namespace moesim {
namespace {

constexpr int kMostOfAKind = 1'000'000;
constexpr std::int64_t kMostCables = 10'000'000;
constexpr int kMostNested = 16;

struct Component {
  std::string name;
  int count;
  std::string choice;
};

struct Device {
  std::vector<Component> components;
  std::optional<std::int64_t> xpus;  // Once counted.
};

struct Instance {
  std::string device;
  int count;
};

// Which of `count` numbered things: first, first + step, .. below last.
struct Slice {
  std::int64_t first;
  std::int64_t last;
  std::int64_t step;

  std::int64_t size() const { return first < last ? (last - first - 1) / step + 1 : 0; }
};

// "name[a:b:c]" of `count` things, as Python reads it: an index, or a slice that may leave out its ends.
Slice slice_of(const JsonReader& reader, std::string_view key, const std::string& text, int count) {
  const auto open = text.find('[');
  Slice slice{0, count, 1};
  const auto refuse = [&] {
    reader.fail(key, shorten_json(text), fmt::format("an index or slice of {}, from 0 up", count));
  };
  if (open == std::string::npos) return slice;
  if (text.back() != ']') refuse();
  const std::string inside = text.substr(open + 1, text.size() - open - 2);
  std::vector<std::optional<std::int64_t>> parts(1);
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= inside.size(); ++i) {
    if (i < inside.size() && inside[i] != ':') continue;
    if (i > begin) {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(inside.data() + begin, inside.data() + i, number);
      if (error != std::errc() || end != inside.data() + i || number < 0) refuse();
      parts.back() = number;
    }
    if (i < inside.size()) parts.emplace_back();
    begin = i + 1;
  }
  if (parts.size() > 3 || (parts.size() == 1 && !parts[0])) refuse();
  slice.first = parts[0].value_or(0);
  if (slice.first >= count) refuse();
  slice.last = parts.size() == 1 ? slice.first + 1 : parts[1].value_or(count);
  if (parts.size() == 3) slice.step = parts[2].value_or(1);
  if (slice.last > count || slice.step < 1) refuse();
  slice.step = std::min<std::int64_t>(slice.step, count);
  return slice;
}

std::string base_name(const std::string& text) { return text.substr(0, text.find('[')); }

// One end of an edge, fully written out: which instance of which device, and where in it.
struct End {
  std::string instance;
  int index;
  std::string component;  // "nic.3", "cx5.0.port.1"
};

// One end of an edge as the file says it: every chosen instance with every chosen component. Counted before it is
// written out.
struct EndSet {
  std::string instance;
  Slice instances;
  std::vector<std::pair<std::string, Slice>> components;  // From the device inward.

  // At most kMostCables + 1: more is refused all the same.
  std::int64_t size() const {
    std::int64_t all = instances.size();
    for (const auto& [name, slice] : components) all = std::min(all, kMostCables + 1) * slice.size();
    return std::min(all, kMostCables + 1);
  }

  std::vector<End> ends() const {
    std::vector<std::string> parts = {""};
    for (const auto& [name, slice] : components) {
      std::vector<std::string> longer;
      for (const std::string& before : parts) {
        for (std::int64_t i = slice.first; i < slice.last; i += slice.step) {
          longer.push_back(fmt::format("{}{}{}.{}", before, before.empty() ? "" : ".", name, i));
        }
      }
      parts = std::move(longer);
    }
    std::vector<End> all;
    for (std::int64_t i = instances.first; i < instances.last; i += instances.step) {
      for (const std::string& part : parts) all.push_back({instance, static_cast<int>(i), part});
    }
    return all;
  }
};

class Importer {
 public:
  Importer(const nlohmann::json& value, const std::string& where, const ClusterCard& like)
      : reader_(value, where), like_(like) {}

  InfraGraphImport run(const std::string& name) {
    read_devices();
    read_links();
    read_instances();
    read_edges();
    finish_card(name);
    return std::move(result_);
  }

 private:
  void read_devices() {
    for (JsonReader& entry : reader_.objects("devices")) {
      Device device;
      for (JsonReader& part : entry.objects("components")) {
        device.components.push_back(
            {part.string("name"), static_cast<int>(part.integer("count", 1, kMostOfAKind)), part.string("choice")});
      }
      devices_[entry.string("name")] = std::move(device);
    }
    for (const auto& [name, device] : devices_) count_xpus(name, 0);
  }

  // With those of devices that are components.
  std::int64_t count_xpus(const std::string& name, int depth) {
    const auto found = devices_.find(name);
    if (found == devices_.end()) reader_.fail("devices", "no device " + shorten_json(name), "each device that is used");
    if (depth > kMostNested) reader_.fail("devices", name + " inside itself", "devices that end");
    Device& device = found->second;
    if (device.xpus) return *device.xpus;
    std::int64_t xpus = 0;
    for (const Component& component : device.components) {
      if (component.choice == "xpu") xpus += component.count;
      if (component.choice == "device") xpus += component.count * count_xpus(component.name, depth + 1);
      if (xpus > kMostOfAKind) {
        reader_.fail("devices", fmt::format("{} xpus in {}", xpus, shorten_json(name)),
                     fmt::format("at most {}", kMostOfAKind));
      }
    }
    device.xpus = xpus;
    return xpus;
  }

  void read_links() {
    for (JsonReader& entry : reader_.objects("links")) {
      Cable cable{"", "", {}, like_.switch_latency};
      const std::string name = entry.string("name");
      JsonReader physical = entry.object("physical");
      JsonReader bandwidth = physical.object("bandwidth");
      static constexpr std::array<std::string_view, 2> kUnits{"gigabits_per_second", "gigabytes_per_second"};
      const std::size_t unit = bandwidth.choice("choice", kUnits);
      cable.bandwidth = bandwidth.number(kUnits[unit], 1e-6, 1e9) *
                        (unit == 0 ? Bandwidth::gbit_per_s(1) : Bandwidth::gbyte_per_s(1));
      if (physical.has("latency")) {
        JsonReader latency = physical.object("latency");
        static constexpr std::array<std::string_view, 3> kTimes{"ms", "us", "ns"};
        static constexpr std::array<double, 3> kUs{1e3, 1, 1e-3};
        const std::size_t time = latency.choice("choice", kTimes);
        cable.latency = card_latency(latency.number(kTimes[time], 0, 1e6) * kUs[time]);
      } else {
        without_latency_.push_back(name);
      }
      links_[name] = cable;
    }
  }

  void read_instances() {
    for (JsonReader& entry : reader_.objects("instances")) {
      const std::string name = entry.string("name");
      const Instance instance{entry.string("device"), static_cast<int>(entry.integer("count", 1, kMostOfAKind))};
      const auto device = devices_.find(instance.device);
      if (device == devices_.end()) entry.fail("device", shorten_json(instance.device), "one of the devices");
      instances_[name] = instance;
      for (int i = 0; i < instance.count; ++i) {
        if (*device->second.xpus > 0) {
          add_node(entry, name, i, instance.device, static_cast<int>(*device->second.xpus));
        } else {
          result_.card.switches.push_back(switch_name(name, i));
        }
      }
    }
  }

  void add_node(const JsonReader& entry, const std::string& name, int index, const std::string& device, int xpus) {
    if (ranks_per_node_ == 0) ranks_per_node_ = xpus;
    if (xpus != ranks_per_node_) {
      entry.fail("device", fmt::format("{} with {} xpus", device, xpus),
                 fmt::format("nodes with {} each: those of a graph are equal", ranks_per_node_));
    }
    const int node = static_cast<int>(node_number_.size());
    node_number_[{name, index}] = node;
  }

  // Names of a graph's switches do not begin like a node's.
  static std::string switch_name(const std::string& instance, int index) {
    return fmt::format("{}{}.{}", instance.rfind("node", 0) == 0 ? "switch-" : "", instance, index);
  }

  EndSet ends_of(JsonReader end) const {
    const std::string instance_text = end.string("instance");
    const std::string component_text = end.string("component");
    const std::string instance = base_name(instance_text);
    const auto found = instances_.find(instance);
    if (found == instances_.end()) end.fail("instance", shorten_json(instance_text), "one of the instances");
    EndSet ends{instance, slice_of(end, "instance", instance_text, found->second.count), {}};
    std::string device = found->second.device;
    for (std::size_t begin = 0; begin <= component_text.size();) {
      const std::size_t dot = std::min(component_text.find('.', begin), component_text.size());
      const std::string piece = component_text.substr(begin, dot - begin);
      const auto& components = devices_.count(device) > 0 ? devices_.at(device).components : std::vector<Component>{};
      const auto component = std::find_if(components.begin(), components.end(),
                                          [&](const Component& c) { return c.name == base_name(piece); });
      if (component == components.end()) {
        end.fail("component", shorten_json(component_text), fmt::format("components of the device {}", device));
      }
      if (component->choice == "xpu") {
        end.fail("component", shorten_json(component_text), "NICs and switches: scale-up links are the node's own");
      }
      ends.components.emplace_back(component->name, slice_of(end, "component", piece, component->count));
      device = component->name;
      begin = dot + 1;
    }
    return ends;
  }

  void read_edges() {
    static constexpr std::array<std::string_view, 2> kSchemes{"one2one", "many2many"};
    for (JsonReader& entry : reader_.objects("edges")) {
      const EndSet first = ends_of(entry.object("ep1"));
      const EndSet second = ends_of(entry.object("ep2"));
      const bool all = entry.has("scheme") && entry.choice("scheme", kSchemes) == 1;
      const auto link = links_.find(entry.string("link"));
      if (link == links_.end()) entry.fail("link", "a link that is not listed", "one of the links");
      for (const auto& [key, ends] : {std::pair{"ep1", &first}, std::pair{"ep2", &second}}) {
        if (ends->size() > kMostCables) entry.fail(key, "too many ends", fmt::format("at most {}", kMostCables));
      }
      const std::int64_t cables = all ? first.size() * second.size() : std::min(first.size(), second.size());
      if (static_cast<std::int64_t>(edges_.size()) + cables > kMostCables) {
        entry.fail("ep1", fmt::format("{} more cables", cables), fmt::format("at most {} in all", kMostCables));
      }
      const std::vector<End> a = first.ends();
      const std::vector<End> b = second.ends();
      const auto pairs = static_cast<std::size_t>(cables);
      for (std::size_t i = 0; i < pairs; ++i) {
        const End& from = all ? a[i / b.size()] : a[i];
        const End& to = all ? b[i % b.size()] : b[i];
        if (is_node(from) && is_node(to)) {
          entry.fail("ep2", "nodes cabled to each other", "a switch at one end or both");
        }
        edges_.push_back({from, to, link->second});
        if (is_node(from)) nics_.insert(place_of(from));
        if (is_node(to)) nics_.insert(place_of(to));
      }
    }
  }

  bool is_node(const End& end) const { return node_number_.count({end.instance, end.index}) > 0; }

  // NICs in the order of the device's components, and of their numbers.
  std::pair<std::vector<int>, std::string> place_of(const End& end) const {
    std::vector<int> order;
    std::string device = instances_.at(end.instance).device;
    for (std::size_t begin = 0; begin < end.component.size();) {
      const std::size_t dot = end.component.find('.', begin);
      const std::size_t stop = std::min(end.component.find('.', dot + 1), end.component.size());
      const std::string name = end.component.substr(begin, dot - begin);
      const auto& components = devices_.at(device).components;
      const auto component =
          std::find_if(components.begin(), components.end(), [&](const Component& c) { return c.name == name; });
      order.push_back(static_cast<int>(component - components.begin()));
      order.push_back(std::stoi(end.component.substr(dot + 1, stop - dot - 1)));
      device = name;
      begin = stop + 1;
    }
    return {order, end.component};
  }

  std::string end_name(const End& end) const {
    if (!is_node(end)) return switch_name(end.instance, end.index);
    const auto nic = std::distance(nics_.begin(), nics_.find(place_of(end)));
    return fmt::format("node{}/nic{}", node_number_.at({end.instance, end.index}), nic);
  }

  void finish_card(const std::string& name) {
    ClusterCard& card = result_.card;
    if (node_number_.empty()) reader_.fail("devices", "no device with an xpu", "nodes");
    if (nics_.empty()) reader_.fail("edges", "no edge at a node", "cables between nodes and switches");
    const int nics = static_cast<int>(nics_.size());
    if (ranks_per_node_ % nics != 0) {
      reader_.fail("edges", fmt::format("{} cabled NICs of a node with {} xpus", nics, ranks_per_node_),
                   "a number of NICs that divides that of the xpus");
    }
    const std::vector<std::string> switches = std::move(card.switches);
    card = like_;
    card.name = name;
    card.description = reader_.string_or("description", "");
    card.kind = "graph";
    card.nodes = static_cast<int>(node_number_.size());
    card.ranks_per_node = ranks_per_node_;
    card.nics_per_node = nics;
    card.switches = switches;
    card.path_choice = PathChoice::deterministic;
    card.nvlink_forwarding = false;
    card.oversubscription = 1;
    card.rails = card.switch_radix = 0;
    card.parameters.clear();
    card.more_nodes.clear();
    card.faults.clear();
    for (const auto& [from, to, cable] : edges_) {
      card.cables.push_back({end_name(from), end_name(to), cable.bandwidth, cable.latency});
    }
    card.sources = {{{"switches", "cables", "nodes", "ranks_per_node", "nics_per_node"},
                     "Read from an InfraGraph infrastructure (schema 2.4.0)."}};
    result_.caveats.push_back(
        {"inside_nodes",
         fmt::format("GPU, NVLink and NIC latencies are those of {}: InfraGraph gives none.", like_.name)});
    if (!without_latency_.empty()) {
      result_.caveats.push_back(
          {"link_latency", fmt::format("{} of {} links have no latency ({}): they have the switch_latency_us of {}.",
                                       without_latency_.size(), links_.size(), without_latency_.front(), like_.name)});
    }
  }

  struct Edge {
    End from;
    End to;
    Cable cable;
  };

  JsonReader reader_;
  const ClusterCard& like_;
  std::map<std::string, Device> devices_;
  std::map<std::string, Cable> links_;
  std::map<std::string, Instance> instances_;
  std::map<std::pair<std::string, int>, int> node_number_;
  std::set<std::pair<std::vector<int>, std::string>> nics_;
  std::vector<Edge> edges_;
  std::vector<std::string> without_latency_;
  int ranks_per_node_ = 0;
  InfraGraphImport result_;
};

}  // namespace

InfraGraphImport import_infragraph(const nlohmann::json& value, const std::string& where, const ClusterCard& like,
                                   const std::string& name) {
  InfraGraphImport result;
  if (value.is_object() && value.contains("infrastructure")) {
    result = Importer(value["infrastructure"], where, like).run(name);
  } else {
    result = Importer(value, where, like).run(name);
  }
  // What is written can be read: the reader of cards has the last word.
  const nlohmann::json card = cluster_card_json(result.card);
  result.card = read_cluster_card(JsonReader(card, where));
  return result;
}

ImportedCard import_infragraph_file(const std::string& path, const std::string& like, const std::string& name) {
  const std::string where = place_name(path);
  if (!is_plain_text(name) || name.empty()) throw InputError("--name", "", shorten_text(name), "a printable name");
  const ClusterSource base = read_cluster_source(like, "--like", "");
  if (base.card.nics_per_node == 0) throw InputError("--like", "NAME", shorten_json(like), "a cluster with NICs");
  const InfraGraphImport imported = import_infragraph(parse_json(read_text_file(path), where), where, base.card, name);
  return {pretty_json(cluster_card_json(imported.card)), imported.caveats};
}

}  // namespace moesim
