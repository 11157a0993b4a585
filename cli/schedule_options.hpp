#pragma once

#include <string>

#include "scenarios/show_schedule.hpp"

namespace CLI {
class App;
}

namespace moesim {

struct ShowScheduleArguments {
  ScheduleQuestion question;
  std::string json;  // A path, "-" for standard output, or empty.
};

// `moesim show schedule`.
void add_show_schedule(CLI::App& show, ShowScheduleArguments& arguments);
void show_schedule_command(const ShowScheduleArguments& arguments);

}  // namespace moesim
