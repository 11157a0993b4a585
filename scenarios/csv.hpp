#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/scenario.hpp"

namespace moesim {

// The flows of a CSV with the header "src,dst,bytes,start_us"; blank lines and lines that begin with # are skipped.
// Ranks are below `world_size`. A mistake is an InputError that names the line: "flows.csv:17"; for
// rows that stand in a scenario, `rows` is their array's pointer, and the error names the row: "/workload/rows/16".
std::vector<FlowRequest> parse_flows_csv(std::string_view text, const std::string& where, int world_size,
                                         const std::string& rows = "");

// A square matrix of byte counts without a header, one line for each source: [ranks, ranks], row-major.
std::vector<std::int64_t> parse_matrix_csv(std::string_view text, const std::string& where, int ranks,
                                           const std::string& rows = "");

// The most bytes of one flow, or of one pair; and the latest start.
inline constexpr std::int64_t kMaxFlowBytes = 1'000'000'000'000'000;
inline constexpr double kMaxStartUs = 1e9;

}  // namespace moesim
