#pragma once

#include <optional>
#include <string>

#include "scenarios/show_cards.hpp"

namespace moesim {

// Times in microseconds, of one micro-batch in a rank's share of the layers, 1 / ranks of the model: a chunk takes its
// part of them.
struct ScheduleQuestion {
  std::string name;  // Empty: all of them, side by side.
  int ranks = 4;
  int micro_batches = 8;
  std::optional<int> chunks;  // Of interleaved, else 2.
  double forward_us = 1;
  double backward_us = 2;           // Both gradients.
  std::optional<double> weight_us;  // The weight gradient's part of it, else half.
  std::optional<double> pair_us;    // A forward and a backward that overlap; else the sum: nothing hidden.
  double hand_over_us = 0;          // From rank to rank.
};

// The picture, the bubble and the activations of a pipeline schedule. What the schedule does not take is an InputError.
CardReport show_schedule(const ScheduleQuestion& question);

}  // namespace moesim
