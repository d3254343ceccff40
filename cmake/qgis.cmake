# The plugin for QGIS: made whole in the build folder, where tests take it from, and packed as a zip for QGIS's plugin manager.
set(qgis_dir ${CMAKE_BINARY_DIR}/qgis/fishnet)
file(GLOB qgis_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/qgis/fishnet qgis/fishnet/*.py qgis/fishnet/*.svg)
foreach(file IN LISTS qgis_files)
  configure_file(qgis/fishnet/${file} ${qgis_dir}/${file} COPYONLY)
endforeach()
string(REGEX MATCH "^(.*) <(.*)>$" unused "${CPACK_PACKAGE_CONTACT}")
set(author ${CMAKE_MATCH_1})
set(email ${CMAKE_MATCH_2})
configure_file(qgis/fishnet/metadata.txt.in ${qgis_dir}/metadata.txt @ONLY)
configure_file(LICENSE ${qgis_dir}/LICENSE COPYONLY)
# The pages for the button Help, in the zip alone: the package has them in /usr/share/doc.
file(GLOB qgis_pages CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} docs/*.md docs/pictures/*.png docs/pictures/*.svg)
foreach(file IN LISTS qgis_pages)
  configure_file(${file} ${qgis_dir}/${file} COPYONLY)
endforeach()

set(qgis_members ${qgis_files} ${qgis_pages})
list(TRANSFORM qgis_members PREPEND fishnet/)
list(APPEND qgis_members fishnet/metadata.txt fishnet/LICENSE)
list(TRANSFORM qgis_members PREPEND ${CMAKE_BINARY_DIR}/qgis/ OUTPUT_VARIABLE qgis_made)
set(qgis_zip ${CMAKE_BINARY_DIR}/qgis/fishnet-qgis.zip)
add_custom_command(OUTPUT ${qgis_zip} DEPENDS ${qgis_made} WORKING_DIRECTORY ${CMAKE_BINARY_DIR}/qgis VERBATIM
  COMMAND ${CMAKE_COMMAND} -E tar cf ${qgis_zip} --format=zip ${qgis_members})
add_custom_target(qgis_plugin ALL DEPENDS ${qgis_zip})

# To QGIS's folder of plugins for all users.
list(TRANSFORM qgis_files PREPEND ${qgis_dir}/ OUTPUT_VARIABLE qgis_installed)
install(FILES ${qgis_installed} ${qgis_dir}/metadata.txt DESTINATION ${CMAKE_INSTALL_DATADIR}/qgis/python/plugins/fishnet COMPONENT plugin)
