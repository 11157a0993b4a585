#include "cli/document.hpp"

#include <ostream>

#include "cli/terminal.hpp"
#include "scenarios/output_file.hpp"

namespace moesim {

void write_document(const std::string& path, const std::string& text) {
  if (path == "-") return print(text);
  OutputFile file(path);
  const DeferInterrupt until_written;
  file.write([&](std::ostream& out) { out << text; });
  file.commit();
}

void write_json_and_text(const std::string& path, bool quiet, const std::function<std::string()>& json,
                         const std::function<std::string()>& text) {
  if (!path.empty()) write_document(path, json());
  if (path != "-" && !quiet) print(text());
}

}  // namespace moesim
