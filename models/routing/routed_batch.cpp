#include "models/routing/routed_batch.hpp"

#include <numeric>

namespace moesim {

std::int64_t CountMatrix::total() const { return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0}); }

}  // namespace moesim
