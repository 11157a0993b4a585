#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/kernels/kernel_profile.hpp"
#include "scenarios/json_reader.hpp"

namespace moesim {

// Reads a profile: what kernels cost on one kind of GPU, as `moesim calibrate fit` writes it. Unknown keys, families
// and constants are refused, and constants that are missing or out of their range. Errors are InputErrors with the
// reader's file and pointer.
KernelProfile read_kernel_profile(JsonReader reader);
nlohmann::ordered_json kernel_profile_json(const KernelProfile& profile);
std::string kernel_profile_text(const KernelProfile& profile);  // Of that JSON, as it stands in files.

// The catalog: the names in order, and the profile of a name that is in it.
std::vector<std::string_view> kernel_profile_names();
KernelProfile catalog_kernel_profile(std::string_view name);

}  // namespace moesim
