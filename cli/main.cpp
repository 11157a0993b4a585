#include "cli/app.hpp"

int main(int argc, char** argv) { return moesim::run_program(argc, argv); }
