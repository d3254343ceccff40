# What `cmake --install` copies, in two components: the plugin (the module and its program are installed in plugins/) with its
# documentation, and what others need to build upon the core. A third one is for the Debian package alone: others have pip.
include(CMakePackageConfigHelpers)

# The folders of the repository stay, so that links between the pages hold.
set(doc_dir ${CMAKE_INSTALL_DATADIR}/doc/gdal-plugin-fishnet)
if(FISHNET_BUILD_PLUGIN)
  install(FILES README.md CHANGES LICENSE DESTINATION ${doc_dir} COMPONENT plugin)
  install(DIRECTORY docs vrt DESTINATION ${doc_dir} COMPONENT plugin
          FILES_MATCHING REGEX "\\.(md|png|svg|vrt|json)$" PATTERN "*.schema.json" EXCLUDE)
  file(GLOB schemas CONFIGURE_DEPENDS docs/*.schema.json)
  install(FILES ${schemas} DESTINATION ${CMAKE_INSTALL_DATADIR}/fishnet COMPONENT plugin)
  if(NOT EXISTS ${FISHNET_SAMPLE}/README.md)
    message(STATUS "Fishnet: no sample data in ${FISHNET_SAMPLE}: none is installed. `./run data` makes it")
  endif()
  install(DIRECTORY ${FISHNET_SAMPLE}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/fishnet/data COMPONENT plugin OPTIONAL)
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Fishnet)
install(TARGETS fishnet_core EXPORT FishnetTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY include/fishnet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN "*.h")
install(EXPORT FishnetTargets NAMESPACE Fishnet:: DESTINATION ${package_dir} COMPONENT development)
configure_package_config_file(cmake/FishnetConfig.cmake.in ${CMAKE_BINARY_DIR}/FishnetConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/FishnetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/FishnetConfig.cmake ${CMAKE_BINARY_DIR}/FishnetConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT development)

set(python_dir lib/python3/dist-packages)
file(CONFIGURE OUTPUT METADATA @ONLY
     CONTENT "Metadata-Version: 2.1\nName: fishnet-dask\nVersion: @PROJECT_VERSION@\nSummary: Jobs of Fishnet on Dask\nRequires-Dist: distributed\n")
install(FILES distributed/fishnet_dask.py DESTINATION ${python_dir} COMPONENT dask EXCLUDE_FROM_ALL)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/METADATA DESTINATION ${python_dir}/fishnet_dask-${PROJECT_VERSION}.dist-info COMPONENT dask EXCLUDE_FROM_ALL)

add_custom_target(uninstall VERBATIM
  COMMAND ${CMAKE_COMMAND} -D MANIFEST=${CMAKE_BINARY_DIR}/install_manifest.txt -P ${CMAKE_CURRENT_LIST_DIR}/uninstall.cmake)
