#include <algorithm>
#include <array>
#include <limits>

#include "sim/check.hpp"
#include "validate/published/published_rows.hpp"

namespace moesim {

// Files of validate/reference, compiled in.
std::span<const Card> network_reference();
std::span<const Card> training_reference();
std::span<const Card> inference_reference();

std::span<const Suite> suites() {
  static constexpr std::array<Suite, 3> kSuites{{
      {.name = "network",
       .title = "Network: published exchanges and collectives against moesim",
       .help = "exchanges and collectives of real libraries",
       .group = "library",
       .files = network_reference,
       .median_band = 0.08,
       .p90_band = 0.20,
       .has_fit = true},
      {.name = "training",
       .title = "Training: published steps of whole models against moesim",
       .help = "training steps of whole models",
       .group = "source",
       .files = training_reference,
       .median_band = 0.10,
       .p90_band = std::numeric_limits<double>::infinity()},
      {.name = "inference",
       .title = "Inference: published prefill and decode rates against moesim",
       .help = "prefill and decode of whole models",
       .group = "source",
       .files = inference_reference,
       .median_band = 0.10,
       .p90_band = std::numeric_limits<double>::infinity()},
  }};
  return kSuites;
}

const Suite& suite_named(std::string_view name) {
  const auto found =
      std::find_if(suites().begin(), suites().end(), [&](const Suite& suite) { return suite.name == name; });
  MOESIM_CHECK(found != suites().end(), "no suite {}", name);
  return *found;
}

}  // namespace moesim
