#include "sim/rng.hpp"
