#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace moesim {

// A file that appears whole or not at all: written under a temporary name in the same folder, it takes its own name in
// commit(). Without commit() nothing is left behind. Links are followed; devices and the program's own streams
// (/dev/stdout, /dev/fd/3) are written straight through.
//
//   OutputFile file("result.json");                         // told here that the folder does not exist
//   file.write([&](std::ostream& out) { out << text; });
//   file.commit();
class OutputFile {
 public:
  // Makes nothing yet. An InputError if the folder is missing or may not be written to, if the path is a pipe with a
  // name of its own, or if it leads to one of `inputs`, the files that were read.
  explicit OutputFile(std::string path, const std::vector<std::string>& inputs = {});
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const std::function<void(std::ostream&)>& writer);  // Once.
  void commit();

  // Refuses two outputs that lead to the same file.
  void must_differ_from(const OutputFile& other) const;

 private:
  [[noreturn]] void fail(const std::string& found) const;

  std::string path_;
  std::string target_;     // `path_` with symbolic links followed.
  std::string temporary_;  // Empty while there is none.
  bool straight_ = false;  // A device or a stream.
};

}  // namespace moesim
