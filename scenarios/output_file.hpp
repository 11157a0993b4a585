#pragma once

#include <functional>
#include <ostream>
#include <string>

namespace moesim {

// A file that appears whole or not at all: written under a temporary name in the same folder, it takes its own name in
// commit(). Without commit() nothing is left behind. Devices and pipes are written straight through.
//
//   OutputFile file("result.json");                         // told here that the folder does not exist
//   file.write([&](std::ostream& out) { out << text; });
//   file.commit();
class OutputFile {
 public:
  // Makes nothing yet. A folder that is missing or may not be written to is an InputError.
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const std::function<void(std::ostream&)>& writer);  // Once.
  void commit();

 private:
  [[noreturn]] void fail(const std::string& found) const;

  std::string path_;
  std::string target_;     // `path_` with symbolic links followed.
  std::string temporary_;  // Empty while there is none.
  bool straight_ = false;  // A device or a pipe.
};

}  // namespace moesim
