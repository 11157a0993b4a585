#include "scenarios/output_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <unistd.h>

#include "scenarios/error.hpp"

namespace moesim {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kLongestName = 255;  // Of one file, on the file systems of today.

std::string temporary_name(const std::string& target) { return target + ".partial-" + std::to_string(::getpid()); }

// What the caller of the program has opened for it, such as a shell's >(command).
bool is_own_stream(const std::string& path) {
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/", "/dev/stdout", "/dev/stderr"}) {
    if (path.starts_with(folder)) return true;
  }
  return false;
}

}  // namespace

OutputFile::OutputFile(std::string path, const std::vector<std::string>& inputs) : path_(std::move(path)) {
  if (path_.empty()) fail("no name");
  std::error_code error;
  const fs::file_status status = fs::status(path_, error);
  if (fs::is_directory(status)) fail("a folder");
  straight_ = fs::is_character_file(status) || (fs::exists(status) && is_own_stream(path_));
  const fs::path target = fs::weakly_canonical(fs::absolute(path_, error), error);
  target_ = straight_ || error ? path_ : target.string();
  // A link to nothing yet: what it names is what will be written.
  for (int links = 0; !straight_ && links < 40 && fs::is_symlink(fs::symlink_status(target_, error)); ++links) {
    const fs::path next = fs::path(target_).parent_path() / fs::read_symlink(target_, error);
    if (error) break;
    target_ = fs::weakly_canonical(next, error).string();
  }
  if (fs::exists(status) && !straight_ && !fs::is_regular_file(status)) fail("a pipe, a socket or a disk");
  if (fs::exists(status) && ::access(target_.c_str(), W_OK) != 0) fail(std::strerror(errno));
  if (straight_) return;
  for (const std::string& input : inputs) {
    if (fs::equivalent(target_, input, error)) fail("a file that is read (" + input + ")");
  }
  if (fs::path(temporary_name(target_)).filename().string().size() > kLongestName) fail("a name that is too long");
  const fs::path folder = fs::path(target_).has_parent_path() ? fs::path(target_).parent_path() : fs::path(".");
  if (!fs::is_directory(folder, error)) fail("no such folder");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail(std::strerror(errno));
}

void OutputFile::must_differ_from(const OutputFile& other) const {
  std::error_code error;
  const bool same = target_ == other.target_ || fs::equivalent(target_, other.target_, error);
  if (!straight_ && same) fail("the file that " + other.path_ + " names, too");
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(const std::function<void(std::ostream&)>& writer) {
  const std::string name = straight_ ? target_ : temporary_name(target_);
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
