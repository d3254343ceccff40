# Debian packages by CPack: one for a version of GDAL, named so, one to build upon the core, and one for Python. ./run package makes them.
set(CPACK_GENERATOR DEB)
# The maintainer is who makes the package, as Debian's tools see it, or git.
set(FISHNET_MAINTAINER "" CACHE STRING "Maintainer of the Debian packages: NAME <ADDRESS>")
set(CPACK_PACKAGE_CONTACT "${FISHNET_MAINTAINER}")
if(NOT CPACK_PACKAGE_CONTACT AND DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
  set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
if(NOT CPACK_PACKAGE_CONTACT)
  execute_process(COMMAND git log -1 "--format=%an <%ae>" WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE CPACK_PACKAGE_CONTACT
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT CPACK_PACKAGE_CONTACT)
  set(CPACK_PACKAGE_CONTACT "Fishnet contributors <root@localhost>") # no release: ./run release has an address
endif()
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL plugin development dask)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian.cmake)

# 3.10 comes after 3.6 for dpkg, too: an upgrade of Debian finds the newer package.
set(CPACK_DEBIAN_PACKAGE_VERSION ${PROJECT_VERSION}+gdal${GDAL_VERSION})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# The dependency upon libgdal32, 36, 39... which dpkg-shlibdeps finds pins the ABI of GDAL.
set(CPACK_DEBIAN_PLUGIN_PACKAGE_NAME gdal-plugin-fishnet)
set(CPACK_DEBIAN_PLUGIN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PLUGIN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PLUGIN_PACKAGE_RECOMMENDS gdal-bin)
set(CPACK_DEBIAN_PLUGIN_PACKAGE_SUGGESTS "python3-gdal, qgis")
set(CPACK_DEBIAN_PLUGIN_DESCRIPTION "Drivers that every program with GDAL ${GDAL_VERSION} finds by itself. FISHNET: is an
expression of rasters, or any raster, computed by threads or processes ahead of
the program that reads it. NEARTABLE: is the table of the nearest features of
two layers, ZONALSTATS: that of statistics of raster cells in zones. Sample data
is in /usr/share/fishnet/data.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libfishnet-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libc6-dev, libdeflate-dev, libgeos-dev (>= 3.10), libproj-dev, libsleef-dev, libzstd-dev, pkgconf | pkg-config")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "The core alone, to build upon: expressions, tile engine, near index, for arrays
in memory. Static library, headers and CMake package, find_package(Fishnet). It
is plain C and needs no GDAL.")

set(CPACK_DEBIAN_DASK_PACKAGE_NAME python3-fishnet-dask)
set(CPACK_DEBIAN_DASK_PACKAGE_SECTION python)
set(CPACK_DEBIAN_DASK_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DASK_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DASK_PACKAGE_DEPENDS
    "gdal-plugin-fishnet (= ${CPACK_DEBIAN_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}), python3, python3-distributed")
set(CPACK_DEBIAN_DASK_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/python3/postinst ${CMAKE_CURRENT_LIST_DIR}/python3/prerm)
set(CPACK_DEBIAN_DASK_DESCRIPTION "Jobs of Fishnet on Dask: shares of a job file, rasters or tables, done by the
workers of a cluster, begun again where a worker dies, and put together.")
include(CPack)
