#pragma once

#include "scenarios/timeline.hpp"
#include "scenarios/training_program.hpp"

namespace moesim {

// A step that has run, in the timeline: for the first rank of each pipeline rank a lane of its slots ("F 12", "B 3",
// "F 12 + B 3"; what is free between them is the bubble), and one each of what its compute, exchange and
// tensor-parallel streams do inside them.
void add_training(const TrainingProgram& program, const ParallelSizes& sizes, Timeline& timeline);

}  // namespace moesim
