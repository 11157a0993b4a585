#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

std::vector<std::string_view> schema_names();  // "cluster", "gpu", "model", "scenario"

// The JSON Schema (draft-07) of what the readers accept, as a document that stands alone. A name that is none is an
// InputError. Conditions between keys (that `ep` divides the experts, say) are the reader's alone.
std::string schema_text(const std::string& name);

}  // namespace moesim
