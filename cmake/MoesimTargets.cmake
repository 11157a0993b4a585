# What every target of moesim shares: C++20, warnings, sanitizers. Nothing here is a global flag, so that a project
# which adds moesim as a subdirectory keeps its own.

add_library(moesim_options INTERFACE)
add_library(moesim::options ALIAS moesim_options)
target_compile_features(moesim_options INTERFACE cxx_std_20)
target_compile_options(moesim_options INTERFACE
  $<BUILD_INTERFACE:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
                    -Woverloaded-virtual -Wold-style-cast>)
# GCC 12 sees overlapping copies in `"a" + string` that cannot be (GCC bug 105651).
target_compile_options(moesim_options INTERFACE
  $<BUILD_INTERFACE:$<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>>)
if(MOESIM_WARNINGS_AS_ERRORS)
  target_compile_options(moesim_options INTERFACE $<BUILD_INTERFACE:-Werror>)
endif()
if(MOESIM_SANITIZE)
  target_compile_options(moesim_options INTERFACE
    $<BUILD_INTERFACE:-fsanitize=${MOESIM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer>)
  target_link_options(moesim_options INTERFACE $<BUILD_INTERFACE:-fsanitize=${MOESIM_SANITIZE}>)
endif()

# moesim_add_room(NAME SOURCES ... USES ...): one top-level folder as the library moesim::NAME. Headers are included
# by their path from the root ("sim/units.hpp").
function(moesim_add_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  add_library(moesim_${name} STATIC ${ROOM_SOURCES})
  add_library(moesim::${name} ALIAS moesim_${name})
  set_target_properties(moesim_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(moesim_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/moesim>)
  target_link_libraries(moesim_${name} PUBLIC ${ROOM_USES} PRIVATE moesim::options ${ROOM_PRIVATE_USES})
  target_compile_features(moesim_${name} PUBLIC cxx_std_20)
endfunction()

# moesim_embed_cards(TARGET FUNCTION FILES ...): compiles JSON cards into TARGET. FUNCTION is declared in the room as
#   std::span<const Card> FUNCTION();   // sim/card.hpp; name = the file's name without folder and ".json"
# so that the program runs from any folder.
function(moesim_embed_cards target function)
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp")
  list(TRANSFORM ARGN PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/" OUTPUT_VARIABLE files)
  add_custom_command(
    OUTPUT "${out}"
    COMMAND "${CMAKE_COMMAND}" "-DFUNCTION=${function}" "-DOUT=${out}" "-DFILES=${files}"
            -P "${PROJECT_SOURCE_DIR}/cmake/EmbedCards.cmake"
    DEPENDS ${files} "${PROJECT_SOURCE_DIR}/cmake/EmbedCards.cmake"
    VERBATIM)
  target_sources(${target} PRIVATE "${out}")
endfunction()
