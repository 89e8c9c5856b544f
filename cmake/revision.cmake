# cmake -D SOURCE=<folder> -D OUTPUT=<revision.cpp> -D LIBTORCH=<text> -P revision.cmake: writes the git revision where
# it has changed.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --exclude=* --abbrev=10
                OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT revision)
  set(revision unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [=[
#include "cli/revision.hpp"

namespace svsep::cli {

const char* const kRevision = "@revision@";
const char* const kLibTorch = "@LIBTORCH@";

}  // namespace svsep::cli
]=] @ONLY)
