#pragma once

#include <cstddef>

namespace moesim::test {

// How often this thread has called operator new so far; the test program replaces it to count.
std::size_t allocations();

}  // namespace moesim::test
