# Script mode: writes OUT, a source that defines `std::span<const Card> moesim::FUNCTION()` over FILES, by name.
list(SORT FILES)
set(body "")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WLE)
  file(READ "${file}" text)
  # Compilers need only take 65,536 characters in one literal; a card is far below, so a larger one is a mistake.
  string(LENGTH "${text}" length)
  if(length GREATER 60000)
    message(FATAL_ERROR "${file}: ${length} characters; a card is at most 60,000")
  endif()
  string(APPEND body "    {\"${name}\", R\"card(${text})card\"},\n")
endforeach()
file(WRITE "${OUT}"
"#include <span>

#include \"sim/card.hpp\"

namespace moesim {
std::span<const Card> ${FUNCTION}();
std::span<const Card> ${FUNCTION}() {
  static constexpr Card kCards[] = {
${body}  };
  return kCards;
}
}  // namespace moesim
")
