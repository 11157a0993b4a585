#include "scenarios/text_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "scenarios/error.hpp"

namespace moesim {

namespace {

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

[[noreturn]] void refuse(const std::string& path, const std::string& found) {
  throw InputError(place_name(path), "", found, "a file that can be read");
}

}  // namespace

std::string read_text_file(const std::string& path, std::size_t max_bytes) {
  std::error_code ignored;
  if (path != "-" && std::filesystem::is_directory(path, ignored)) refuse(path, "a folder");
  errno = 0;
  const std::unique_ptr<std::FILE, Close> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (!file) refuse(path, errno == ENOENT ? "no such file" : std::strerror(errno));
  std::string text;
  std::vector<char> block(std::size_t{1} << 16);
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), file.get())) {
    text.append(block.data(), got);
    if (text.size() > max_bytes) {
      throw InputError(place_name(path), "", fmt::format("more than {} bytes", max_bytes), "a smaller file");
    }
  }
  if (std::ferror(file.get()) != 0) refuse(path, std::strerror(errno));
  return text;
}

std::string place_name(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string beside(const std::string& from, const std::string& path) {
  return (std::filesystem::path(from).parent_path() / path).string();  // An absolute path wins over what is before it.
}

}  // namespace moesim
