# `cmake --install`: the program, the rooms as libraries with their headers, and a package for find_package(moesim).
include(CMakePackageConfigHelpers)

install(TARGETS moesim RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS moesim_sim moesim_topologies moesim_models moesim_scenarios moesim_validate EXPORT moesim_targets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(TARGETS moesim_options EXPORT moesim_targets)
foreach(room sim topologies models scenarios validate)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${room}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/moesim"
          FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(EXPORT moesim_targets NAMESPACE moesim:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/moesim")
configure_package_config_file(cmake/moesim-config.cmake.in "${PROJECT_BINARY_DIR}/moesim-config.cmake"
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/moesim")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/moesim-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/moesim-config.cmake" "${PROJECT_BINARY_DIR}/moesim-config-version.cmake"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/moesim")
