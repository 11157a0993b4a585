#include "sim/simulator.hpp"

namespace moesim {

bool Simulator::step() {
  if (queue_.empty()) return false;
  const Event event = queue_.pop();
  ++events_run_;
  event.handler->on_event(event.payload);
  return true;
}

void Simulator::run() {
  while (step()) {
  }
}

}  // namespace moesim
