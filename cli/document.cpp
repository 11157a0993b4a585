#include "cli/document.hpp"

#include <ostream>

#include "cli/terminal.hpp"
#include "scenarios/output_file.hpp"

namespace moesim {

void write_document(const std::string& path, const std::string& text, const std::vector<std::string>& inputs) {
  if (path == "-") return print(text);
  OutputFile file(path, inputs);
  const DeferInterrupt until_written;
  file.write([&](std::ostream& out) { out << text; });
  file.commit();
}

void write_json_and_text(const std::string& path, bool quiet, const std::function<std::string()>& json,
                         const std::function<std::string()>& text, const std::vector<std::string>& inputs) {
  if (path == "-") return print(json());
  const std::string page = quiet ? "" : text();
  if (path.empty()) return print(page);
  OutputFile file(path, inputs);
  const std::string document = json();
  const DeferInterrupt until_written;
  file.write([&](std::ostream& out) { out << document; });
  print_then_commit(page, {&file});
}

void print_then_commit(const std::string& text, std::initializer_list<OutputFile*> files) {
  const auto commit = [&] {
    for (OutputFile* file : files) {
      if (file != nullptr) file->commit();
    }
  };
  try {
    if (!text.empty()) print(text);
  } catch (const ReaderGone&) {
    commit();
    throw;
  }
  commit();
}

}  // namespace moesim
