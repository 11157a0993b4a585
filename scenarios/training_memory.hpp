#pragma once

#include "scenarios/result.hpp"
#include "scenarios/training_program.hpp"

namespace moesim {

// What lies in the memory of a rank of one pipeline rank at its worst moment: weights, gradients, optimizer state
// (shared out by ZeRO), the activations of as many micro-batches as its schedule has under way, and one layer's
// exchange buffers. No allowance for fragmentation or for what frameworks take.
MemoryResult training_memory(const Scenario& scenario, const TrainingWorkload& workload, const TrainingProgram& program,
                             int pipeline_rank);

}  // namespace moesim
