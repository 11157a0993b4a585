#include "scenarios/output_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "scenarios/error.hpp"

namespace moesim {

namespace fs = std::filesystem;

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(path_, error);
  target_ = error || path_.empty() ? path_ : target.string();
  const fs::file_status status = fs::status(target_, error);
  if (fs::is_directory(status) || path_.empty()) fail(path_.empty() ? "no name" : "a folder");
  straight_ = fs::exists(status) && !fs::is_regular_file(status);
  if (fs::exists(status) && ::access(target_.c_str(), W_OK) != 0) fail(std::strerror(errno));
  if (straight_) return;
  const fs::path folder = fs::path(target_).has_parent_path() ? fs::path(target_).parent_path() : fs::path(".");
  if (!fs::is_directory(folder, error)) fail("no such folder");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail(std::strerror(errno));
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(const std::function<void(std::ostream&)>& writer) {
  const std::string name = straight_ ? target_ : target_ + ".partial-" + std::to_string(::getpid());
  if (!straight_) temporary_ = name;
  std::ofstream out(name, std::ios::binary);
  if (!out) fail(std::strerror(errno));
  writer(out);
  out.close();
  if (!out) fail("a file that could not be written to its end (is the disk full?)");
}

void OutputFile::commit() {
  if (straight_) return;
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail(std::strerror(errno));
  temporary_.clear();
}

void OutputFile::fail(const std::string& found) const {
  throw InputError(path_, "", found, "a file that can be written");
}

}  // namespace moesim
