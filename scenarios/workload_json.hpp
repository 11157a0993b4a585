#pragma once

#include <nlohmann/json_fwd.hpp>

#include "scenarios/json_reader.hpp"
#include "scenarios/scenario.hpp"

namespace moesim {

// The names of the workload kinds, in the order of the alternatives of Workload.
std::span<const std::string_view> workload_kinds();

// Reads the "workload" object. `ranks` is the size of the group that an all_to_all fills, `cluster` has all there are.
Workload read_workload(JsonReader reader, const RankLayout& cluster, int ranks);

// The rest of a rebalance, which read_workload() leaves out because it has to know the router.
void read_rebalance_from(JsonReader workload, const RouterSpec& router, const RankLayout& layout,
                         RebalanceWorkload& rebalance);

// As read_workload() takes it; the contents of CSV files stand in it, so that nothing depends on a file.
nlohmann::ordered_json workload_json(const Workload& workload, int ranks);

}  // namespace moesim
