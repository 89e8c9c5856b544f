# cmake -D PREFIX=<installation> -P bundle.cmake: copies every library that the installation needs, but glibc's, into its
# lib folder, where the program looks first. The folder then runs on any machine with that glibc or a newer one.
file(GET_RUNTIME_DEPENDENCIES
  EXECUTABLES ${PREFIX}/bin/svsep
  MODULES ${PREFIX}/lib/svsep/svsep_torch.so
  RESOLVED_DEPENDENCIES_VAR libraries
  PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|dl|m|pthread|resolv|rt)\\.so")
foreach(library ${libraries})
  cmake_path(GET library FILENAME name)
  file(REAL_PATH ${library} file)
  file(COPY_FILE ${file} ${PREFIX}/lib/${name} ONLY_IF_DIFFERENT)
endforeach()
list(LENGTH libraries count)
message(STATUS "${count} libraries in ${PREFIX}/lib")
