#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/architecture/model_card.hpp"
#include "models/caveat.hpp"
#include "scenarios/text_table.hpp"

namespace moesim {

// Sequence length that FLOPs per token are quoted for unless another is asked for.
constexpr std::int64_t kReportContext = 4096;

// What one must know before leaning on the numbers of a card: deviations from published figures beyond 1 %, parts
// whose meaning depends on a convention. The card's notes are not repeated.
std::vector<Caveat> model_caveats(const ModelCard& card);

// Everything that `moesim show model NAME --json -` prints. Counts are of the main network, `active_params` in the
// convention that its publisher seems to use; FLOPs are means over sequences of `context` tokens; the KV cache is in
// bf16.
nlohmann::ordered_json describe_model(const ModelCard& card, std::int64_t context = kReportContext);

// The same for people, at most 100 columns.
std::string model_text(const ModelCard& card, std::int64_t context = kReportContext, const ReportStyle& style = {});

}  // namespace moesim
