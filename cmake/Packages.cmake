# cpack: svsep_*.deb, libsvsep-dev_*.deb and svsep-models_*.deb, from the preset `package`.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "svsep maintainers <svsep@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program development models)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION sound)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# The program and the library. Dependencies are read off the files, but for what nothing links: a font, the models, and
# the BLAS that LibTorch should find (else it multiplies with a slow one).
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME svsep)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "separate songs into vocals and accompaniment
 Splits any song that FFmpeg reads into vocals and accompaniment, trains new
 separators and scores them. One native program and the library behind it.")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "fonts-dejavu-core, libopenblas0-pthread")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "svsep-models (= ${PROJECT_VERSION})")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libsvsep-dev)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "separate songs from C++: headers
 Headers of libsvsep, for CMake (find_package) and pkg-config.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "svsep (= ${PROJECT_VERSION})")

set(CPACK_DEBIAN_MODELS_PACKAGE_NAME svsep-models)
set(CPACK_COMPONENT_MODELS_DESCRIPTION "separate songs: trained models
 The models that svsep uses by name, with their cards and licences.")
set(CPACK_DEBIAN_MODELS_PACKAGE_ARCHITECTURE all)
include(CPack)
