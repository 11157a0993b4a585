#pragma once

#include <cstddef>
#include <string>

namespace moesim {

// The whole of a file, or of standard input for "-". A file that is missing, a folder, unreadable or larger than
// `max_bytes` is an InputError that names it.
std::string read_text_file(const std::string& path, std::size_t max_bytes = std::size_t{64} << 20);

// How a text that was read from `path` is named in errors.
std::string place_name(const std::string& path);

// Where `path`, written in the text named `from`, leads: as it is when absolute, else beside the file `from`.
std::string beside(const std::string& from, const std::string& path);

}  // namespace moesim
