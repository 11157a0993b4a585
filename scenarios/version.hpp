#pragma once

#include <string_view>

namespace moesim {

std::string_view version();  // "0.1.0", as in CMakeLists.txt

}  // namespace moesim
