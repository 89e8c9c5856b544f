# cmake -D PREFIX=<installation> -D LIBDIR=lib -D LIBTORCH_FLAVOUR=CPU|CUDA -D LIBTORCH_VERSION=<x.y.z> -P bundle.cmake:
# copies every library that the installation needs, but glibc's, into its library folder, where the program looks first.
# The folder then runs on any machine with that glibc or a newer one. A LibTorch with CUDA takes gigabytes and is on a
# GPU machine already, so it stays out, and a script beside bin/ finds it.
set(elsewhere "^libsvsep" "^ld-linux" "^lib(c|dl|m|pthread|resolv|rt)\\.so")
if(LIBTORCH_FLAVOUR STREQUAL CUDA)
  list(APPEND elsewhere "^lib(torch|c10)")
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" LIBTORCH_SERIES ${LIBTORCH_VERSION})  # its interface may change between these
  configure_file(${CMAKE_CURRENT_LIST_DIR}/svsep.sh.in ${PREFIX}/svsep @ONLY FILE_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endif()
file(GET_RUNTIME_DEPENDENCIES
  EXECUTABLES ${PREFIX}/bin/svsep
  LIBRARIES ${PREFIX}/${LIBDIR}/libsvsep.so
  MODULES ${PREFIX}/${LIBDIR}/svsep/svsep_torch.so ${PREFIX}/${LIBDIR}/svsep/svsep_import.so
  RESOLVED_DEPENDENCIES_VAR libraries
  PRE_EXCLUDE_REGEXES ${elsewhere})
set(licences ${PREFIX}/share/doc/svsep/licences)
file(MAKE_DIRECTORY ${licences})
foreach(library ${libraries})
  cmake_path(GET library FILENAME name)
  file(REAL_PATH ${library} file)
  # Debian's licence text of the library's package, where it comes from one.
  execute_process(COMMAND dpkg-query --search ${file} OUTPUT_VARIABLE owner ERROR_QUIET RESULT_VARIABLE unknown)
  string(REGEX REPLACE "[:,].*" "" package "${owner}")
  if(NOT unknown AND EXISTS /usr/share/doc/${package}/copyright)
    file(COPY_FILE /usr/share/doc/${package}/copyright ${licences}/${package} ONLY_IF_DIFFERENT)
  endif()
  file(COPY_FILE ${file} ${PREFIX}/${LIBDIR}/${name} ONLY_IF_DIFFERENT)
endforeach()
# Where LibTorch was when this was built means nothing elsewhere.
file(RELATIVE_PATH bin_to_lib ${PREFIX}/bin ${PREFIX}/${LIBDIR})
file(RPATH_SET FILE ${PREFIX}/bin/svsep NEW_RPATH "$ORIGIN/${bin_to_lib}")
foreach(module svsep_torch svsep_import)
  file(RPATH_SET FILE ${PREFIX}/${LIBDIR}/svsep/${module}.so NEW_RPATH "$ORIGIN/..")
endforeach()
list(LENGTH libraries count)
message(STATUS "${count} libraries in ${PREFIX}/${LIBDIR}")
