# CPack runs this before it makes the packages: adds what a Debian package has beside the files of an installation, and takes away
# what the former replaces.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH, if it is set
file(READ ${CMAKE_CURRENT_LIST_DIR}/../LICENSE licence)
string(REGEX MATCH "Copyright \\(c\\) ([^\n]*)" unused "${licence}")
set(holder ${CMAKE_MATCH_1})
string(REGEX REPLACE "^.*\n(Permission is hereby)" "\\1" licence "${licence}")
string(STRIP "${licence}" licence)
string(REGEX REPLACE "\n\n" "\n.\n" licence "${licence}")
string(REGEX REPLACE "\n" "\n " licence "${licence}")

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${component}/usr/share)
  set(dir ${share}/doc/${package})
  file(REMOVE ${dir}/LICENSE ${dir}/CHANGES)
  set(data)
  if(component STREQUAL plugin)
    if(NOT EXISTS ${share}/fishnet/data/README.md)
      message(FATAL_ERROR "The package has no sample data: `./run data` makes it, before CMake installs")
    endif()
    set(data "Files: usr/share/fishnet/data/*
Copyright: ${holder}
License: Expat
Comment: What is invented there; its README.md tells of each file.

Files: usr/share/fishnet/data/dem.tif usr/share/fishnet/data/sheets/* usr/share/fishnet/data/before.tif usr/share/fishnet/data/after*.tif
Copyright: none, a work of the U.S. Geological Survey
License: public-domain

Files: usr/share/fishnet/data/egm96.gtx
Copyright: none, a work of the National Geospatial-Intelligence Agency
License: public-domain

Files: usr/share/fishnet/data/places.* usr/share/fishnet/data/rivers.*
Copyright: none, Natural Earth
License: public-domain

Files: usr/share/fishnet/data/landsat.tif usr/share/fishnet/data/b4.tif usr/share/fishnet/data/b5.tif usr/share/fishnet/data/scene*
 usr/share/fishnet/data/landcover.tif usr/share/fishnet/data/olinda.tif usr/share/fishnet/data/temperature.nc
Copyright: the authors of the R package stars
License: Apache-2.0
Comment: As that package gives them; the Landsat image itself is a work of the U.S. Geological Survey and NASA. Cut, recoded, and
 scenes with invented clouds.

License: public-domain
 Without restrictions.

License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.

")
  endif()
  file(WRITE ${dir}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Fishnet

Files: *
Copyright: ${holder}
License: Expat

${data}License: Expat
 ${licence}
")
  file(WRITE ${dir}/changelog.Debian "${package} (${CPACK_DEBIAN_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * Built by CPack; changelog.gz tells what is new.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  configure_file(${CMAKE_CURRENT_LIST_DIR}/../CHANGES ${dir}/changelog COPYONLY)
  execute_process(COMMAND gzip -9nf changelog changelog.Debian WORKING_DIRECTORY ${dir} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "gzip of the changelogs of ${package}: ${failed}")
  endif()
  # Whatever the umask is.
  file(CHMOD ${dir}/copyright ${dir}/changelog.gz ${dir}/changelog.Debian.gz PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  file(CHMOD ${share} ${share}/doc ${dir} PERMISSIONS ${CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
endforeach()
