#pragma once

#include <cstdint>

#include "sim/event_queue.hpp"
#include "sim/units.hpp"

namespace moesim {

// Whoever schedules events is told when they are due. `payload` is what it scheduled: an index, a kind, both.
class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void on_event(std::uint64_t payload) = 0;  // May schedule more events; never waits.
};

// The clock and the queue of one simulation. Nothing here is global: any number of simulators can live side by side,
// in one thread or in many.
class Simulator {
 public:
  Picoseconds now() const { return queue_.last_popped(); }
  // Events at one instant run in the order in which they were scheduled. `at` is not before now().
  void schedule(Picoseconds at, EventHandler& handler, std::uint64_t payload) { queue_.push({at, &handler, payload}); }
  // Runs the next event; false if there is none.
  bool step();
  // Runs until no event is left.
  void run();
  std::uint64_t events_run() const { return events_run_; }
  std::size_t events_pending() const { return queue_.size(); }

 private:
  EventQueue queue_;
  std::uint64_t events_run_ = 0;
};

}  // namespace moesim
