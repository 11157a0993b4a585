#include "topologies/topology.hpp"
