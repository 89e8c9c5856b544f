# Every svsep target links this one and so gets the project's warnings.
add_library(svsep_warnings INTERFACE)
target_compile_options(svsep_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${SVSEP_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(svsep_warnings INTERFACE -Wno-restrict)  # false alarms on std::string, GCC bug 105329
endif()
