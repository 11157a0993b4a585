#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "scenarios/json_reader.hpp"
#include "sim/units.hpp"
#include "topologies/source_note.hpp"

namespace moesim {

// What GPU and cluster cards have in common.

// "sources": an array of {"fields": [..], "source": ".."}; a card without it has none.
std::vector<SourceNote> read_sources(JsonReader& reader);
nlohmann::json sources_json(const std::vector<SourceNote>& sources);

// A figure as it stands in a card: an integer without a decimal point, others to 12 significant digits, so that what
// was read is what is written.
nlohmann::json card_number(double value);

// To the nearest picosecond: a card's latency is a decimal, not a computed span that must not end early.
Picoseconds card_latency(double microseconds);

}  // namespace moesim
