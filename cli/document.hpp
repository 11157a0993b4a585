#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "scenarios/output_file.hpp"

namespace moesim {

// Writes a whole document to a file, or to standard output for "-".
void write_document(const std::string& path, const std::string& text, const std::vector<std::string>& inputs = {});

// What `--json` asks for, in that order of rules: to standard output alone for "-"; else to a file if there is a path,
// and the text for people to standard output unless `quiet`. Neither is made unless it is wanted.
void write_json_and_text(const std::string& path, bool quiet, const std::function<std::string()>& json,
                         const std::function<std::string()>& text, const std::vector<std::string>& inputs = {});

// Prints, and only then lets the files take their names: what ends with an error leaves no file. Null is no file.
void print_then_commit(const std::string& text, std::initializer_list<OutputFile*> files);

}  // namespace moesim
