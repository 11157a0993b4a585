#include "scenarios/import_hf.hpp"

#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/hf_import.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/model_card_json.hpp"
#include "scenarios/text_file.hpp"

namespace moesim {

ImportedCard import_hf_file(const std::string& path, const std::string& name) {
  const std::string where = place_name(path);
  if (!is_plain_text(name) || name.empty()) throw InputError("--name", "", shorten_text(name), "a printable name");
  const HfImport imported = import_hf_config(parse_json(read_text_file(path), where), where, name);
  return {pretty_json(model_card_json(imported.card)), imported.caveats};
}

}  // namespace moesim
