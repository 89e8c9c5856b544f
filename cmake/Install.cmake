# What goes where: component `program` (the program, the library, the module), `development` (headers and what finds
# them) and `models`. Every place comes from GNUInstallDirs; the program and the library find the others from their own.
include(CMakePackageConfigHelpers)

install(TARGETS svsep RUNTIME COMPONENT program)
install(TARGETS svsep_library EXPORT svsep
        LIBRARY COMPONENT program NAMELINK_COMPONENT development)
install(TARGETS svsep_torch svsep_import_module LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/svsep COMPONENT program)
install(FILES ${SVSEP_DESCRIPTIONS}/svsep.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
install(FILES ${SVSEP_DESCRIPTIONS}/svsep.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME svsep COMPONENT program)
install(FILES ${SVSEP_DESCRIPTIONS}/svsep.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
        RENAME _svsep COMPONENT program)
install(FILES ${SVSEP_DESCRIPTIONS}/svsep.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
        COMPONENT program)
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/svsep/models COMPONENT models)

foreach(component program development models)
  set(package_of_program svsep)
  set(package_of_development libsvsep-dev)
  set(package_of_models svsep-models)
  install(FILES LICENSE packaging/copyright COMPONENT ${component}
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package_of_${component}})
endforeach()

install(DIRECTORY include/svsep ${PROJECT_BINARY_DIR}/include/svsep
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN *.hpp)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/svsep)
install(EXPORT svsep NAMESPACE svsep:: FILE svsepConfig.cmake DESTINATION ${package} COMPONENT development)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/svsepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/svsepConfigVersion.cmake DESTINATION ${package} COMPONENT development)

# pkg-config derives the prefix from the place of svsep.pc, so that it holds after the tree was moved.
file(RELATIVE_PATH SVSEP_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/svsep.pc.in ${PROJECT_BINARY_DIR}/svsep.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/svsep.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

# build/<preset>/svsep-<version>: an installation with all its libraries but a LibTorch with CUDA, to be moved anywhere.
if(PROJECT_IS_TOP_LEVEL)
  set(SVSEP_BUNDLE ${PROJECT_BINARY_DIR}/svsep-${PROJECT_VERSION})
  add_custom_target(bundle
    COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${SVSEP_BUNDLE}
    COMMAND ${CMAKE_COMMAND} -D PREFIX=${SVSEP_BUNDLE} -D LIBDIR=${CMAKE_INSTALL_LIBDIR}
            -D LIBTORCH_FLAVOUR=${LIBTORCH_FLAVOUR} -D LIBTORCH_VERSION=${LIBTORCH_VERSION}
            -P ${PROJECT_SOURCE_DIR}/cmake/bundle.cmake
    VERBATIM)
  add_dependencies(bundle svsep)
  include(cmake/Packages.cmake)
endif()
