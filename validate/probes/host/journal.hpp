#pragma once

#include <fstream>
#include <string>

#include "validate/probe_file.hpp"

namespace moesim::probe {

// What a run has measured so far, beside the file that it will write: PATH.partial holds the header on its first line
// and then a line for each point, flushed one by one. However the run ends, recover() can read it.
class Journal {
 public:
  // InputError if the file cannot be made, or is there and holds points: those of a run that was killed.
  Journal(std::string path, const ProbeFile& header);
  void append(const ProbePoint& point);
  void remove();  // Once the whole file is written.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::ofstream out_;
};

// The file that a run would have written that ended with this journal; a last line that was cut off is left out. State
// "recovered"; its statistics are still those of each point's own time (settle() renews them).
ProbeFile recover(const std::string& path);

}  // namespace moesim::probe
