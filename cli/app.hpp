#pragma once

namespace moesim {

// The program: parses the command line, does what it says, and turns whatever goes wrong into a message on standard
// error and an exit code: 0 done, 1 a bug of ours, 2 bad input, 130 interrupted.
int run_program(int argc, char** argv);

}  // namespace moesim
