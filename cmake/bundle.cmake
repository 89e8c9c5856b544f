# cmake -D PREFIX=<installation> -D LIBTORCH_FLAVOUR=CPU|CUDA -D LIBTORCH_VERSION=<x.y.z> -P bundle.cmake: copies every
# library that the installation needs, but glibc's, into its lib folder, where the program looks first. The folder then
# runs on any machine with that glibc or a newer one. A LibTorch with CUDA takes gigabytes and is on a GPU machine
# already, so it stays out, and a script beside bin/ finds it.
set(elsewhere "^ld-linux" "^lib(c|dl|m|pthread|resolv|rt)\\.so")
if(LIBTORCH_FLAVOUR STREQUAL CUDA)
  list(APPEND elsewhere "^lib(torch|c10)")
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" LIBTORCH_SERIES ${LIBTORCH_VERSION})  # its interface may change between these
  configure_file(${CMAKE_CURRENT_LIST_DIR}/svsep.sh.in ${PREFIX}/svsep @ONLY FILE_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endif()
file(GET_RUNTIME_DEPENDENCIES
  EXECUTABLES ${PREFIX}/bin/svsep
  MODULES ${PREFIX}/lib/svsep/svsep_torch.so
  RESOLVED_DEPENDENCIES_VAR libraries
  PRE_EXCLUDE_REGEXES ${elsewhere})
foreach(library ${libraries})
  cmake_path(GET library FILENAME name)
  file(REAL_PATH ${library} file)
  file(COPY_FILE ${file} ${PREFIX}/lib/${name} ONLY_IF_DIFFERENT)
endforeach()
# Where LibTorch was when this was built means nothing elsewhere.
file(RPATH_SET FILE ${PREFIX}/bin/svsep NEW_RPATH "$ORIGIN/../lib")
file(RPATH_SET FILE ${PREFIX}/lib/svsep/svsep_torch.so NEW_RPATH "$ORIGIN/..")
list(LENGTH libraries count)
message(STATUS "${count} libraries in ${PREFIX}/lib")
