# Every svsep target links this one and so gets the project's warnings.
add_library(svsep_warnings INTERFACE)
target_compile_options(svsep_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow
                                                $<$<BOOL:${SVSEP_WERROR}>:-Werror>)
