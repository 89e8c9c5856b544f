# Every library that svsep uses is found here, and nowhere else.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
# FFmpeg 5.1, for AVChannelLayout.
pkg_check_modules(FFMPEG REQUIRED IMPORTED_TARGET libavformat>=59.27 libavcodec>=59.37
                                                 libavutil>=57.28 libswresample>=4.7)
pkg_check_modules(SAMPLERATE REQUIRED IMPORTED_TARGET samplerate>=0.2)
pkg_check_modules(FFTW3F REQUIRED IMPORTED_TARGET fftw3f>=3.3)
pkg_check_modules(FFTW3 REQUIRED IMPORTED_TARGET fftw3>=3.3)
pkg_check_modules(PANGOCAIRO REQUIRED IMPORTED_TARGET pangocairo>=1.50)
pkg_check_modules(LAPACKE REQUIRED IMPORTED_TARGET lapacke>=3.9)
# For the import of foreign weights alone.
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5>=1.10)
pkg_check_modules(YAMLCPP REQUIRED IMPORTED_TARGET yaml-cpp>=0.7)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(utf8cpp 3.2 REQUIRED)
if(SVSEP_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()

# LibTorch: Debian's libtorch-dev, the one inside a pip `torch`, or an unpacked archive, whichever CMAKE_PREFIX_PATH
# names first (for pip: <environment>/lib/python3.X/site-packages/torch). Its own TorchConfig.cmake wants the
# whole CUDA toolkit for a CUDA flavour; svsep has no CUDA source, so the libraries and headers are enough.
find_path(LIBTORCH_INCLUDE_DIR torch/csrc/api/include/torch/torch.h REQUIRED)
find_library(LIBTORCH_LIBRARY torch HINTS ${LIBTORCH_INCLUDE_DIR}/../lib REQUIRED)
cmake_path(GET LIBTORCH_LIBRARY PARENT_PATH LIBTORCH_LIBRARY_DIR)
find_library(LIBTORCH_CPU_LIBRARY torch_cpu HINTS ${LIBTORCH_LIBRARY_DIR} NO_DEFAULT_PATH REQUIRED)
find_library(LIBTORCH_C10_LIBRARY c10 HINTS ${LIBTORCH_LIBRARY_DIR} NO_DEFAULT_PATH REQUIRED)
find_library(LIBTORCH_CUDA_LIBRARY torch_cuda HINTS ${LIBTORCH_LIBRARY_DIR} NO_DEFAULT_PATH)
find_library(LIBTORCH_C10_CUDA_LIBRARY c10_cuda HINTS ${LIBTORCH_LIBRARY_DIR} NO_DEFAULT_PATH)

# Only LibTorch's own headers are seen: a pip torch brings its fmt too, which must not meet spdlog's, and Debian's
# folder is /usr/include itself.
set(LIBTORCH_HEADERS ${PROJECT_BINARY_DIR}/libtorch-headers)
file(MAKE_DIRECTORY ${LIBTORCH_HEADERS})
foreach(folder ATen c10 caffe2 torch)
  file(CREATE_LINK ${LIBTORCH_INCLUDE_DIR}/${folder} ${LIBTORCH_HEADERS}/${folder} SYMBOLIC)
endforeach()

add_library(svsep_libtorch INTERFACE)
target_include_directories(svsep_libtorch SYSTEM INTERFACE ${LIBTORCH_HEADERS}
                                                           ${LIBTORCH_HEADERS}/torch/csrc/api/include)
# stdc++ comes first because a pip torch exports symbols of a standard library of its own.
target_link_libraries(svsep_libtorch INTERFACE stdc++ ${LIBTORCH_LIBRARY} ${LIBTORCH_CPU_LIBRARY}
                                               ${LIBTORCH_C10_LIBRARY} Threads::Threads)
# LibTorch's at::parallel_for is a template: without OpenMP where it is used, it has one thread. LibTorch's own threads
# are GCC's OpenMP; clang's is another library, so what clang builds has one thread there.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  find_package(OpenMP REQUIRED)
  target_link_libraries(svsep_libtorch INTERFACE OpenMP::OpenMP_CXX)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang AND LIBTORCH_INCLUDE_DIR STREQUAL "/usr/include")
  target_compile_options(svsep_libtorch INTERFACE "SHELL:-include ${CMAKE_CURRENT_LIST_DIR}/clang_libtorch.hpp")
endif()
set(LIBTORCH_FLAVOUR CPU)
if(LIBTORCH_CUDA_LIBRARY AND LIBTORCH_C10_CUDA_LIBRARY)
  set(LIBTORCH_FLAVOUR CUDA)
  # No symbol of ours refers to it: it registers the CUDA device when it is loaded, so it must not be dropped.
  target_link_options(svsep_libtorch INTERFACE -Wl,--no-as-needed)
  target_link_libraries(svsep_libtorch INTERFACE ${LIBTORCH_CUDA_LIBRARY} ${LIBTORCH_C10_CUDA_LIBRARY})
elseif(SVSEP_REQUIRE_CUDA)
  message(FATAL_ERROR "No CUDA in the LibTorch of ${LIBTORCH_LIBRARY_DIR}; name another one with CMAKE_PREFIX_PATH")
endif()

# Training with several processes: LibTorch holds Gloo and NCCL, but not the headers that its own ones include. Gloo's
# are Debian's libgloo-dev for any LibTorch, for only their names matter; NCCL's and CUDA's come with a pip torch.
add_library(svsep_c10d INTERFACE)
set(LIBTORCH_RANKS "one process only")
find_path(GLOO_INCLUDE_DIR gloo/rendezvous/store.h)
if(GLOO_INCLUDE_DIR)
  set(LIBTORCH_RANKS "several processes by Gloo")
  file(CREATE_LINK ${GLOO_INCLUDE_DIR}/gloo ${LIBTORCH_HEADERS}/gloo SYMBOLIC)
  target_compile_definitions(svsep_c10d INTERFACE SVSEP_GLOO)
endif()
file(GLOB NVIDIA_INCLUDE_DIRS ${LIBTORCH_INCLUDE_DIR}/../../nvidia/*/include)
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${NVIDIA_INCLUDE_DIRS})
find_path(CUDA_INCLUDE_DIR cusolverDn.h HINTS ${NVIDIA_INCLUDE_DIRS} /usr/local/cuda/include)
if(GLOO_INCLUDE_DIR AND LIBTORCH_FLAVOUR STREQUAL CUDA AND NCCL_INCLUDE_DIR AND CUDA_INCLUDE_DIR)
  string(APPEND LIBTORCH_RANKS " and NCCL")
  target_include_directories(svsep_c10d SYSTEM INTERFACE ${NCCL_INCLUDE_DIR} ${CUDA_INCLUDE_DIR} ${NVIDIA_INCLUDE_DIRS})
  target_compile_definitions(svsep_c10d INTERFACE SVSEP_NCCL)
endif()

set(LIBTORCH_VERSION_HEADER ${LIBTORCH_HEADERS}/torch/headeronly/version.h)  # where newer ones keep it
if(NOT EXISTS ${LIBTORCH_VERSION_HEADER})
  set(LIBTORCH_VERSION_HEADER ${LIBTORCH_HEADERS}/torch/csrc/api/include/torch/version.h)
endif()
file(STRINGS ${LIBTORCH_VERSION_HEADER} LIBTORCH_VERSION_LINES REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
list(TRANSFORM LIBTORCH_VERSION_LINES REPLACE ".* ([0-9]+)$" "\\1")
list(JOIN LIBTORCH_VERSION_LINES "." LIBTORCH_VERSION)
if(LIBTORCH_INCLUDE_DIR STREQUAL "/usr/include")
  set(LIBTORCH_ORIGIN "the system's")
elseif(LIBTORCH_INCLUDE_DIR MATCHES "site-packages")
  set(LIBTORCH_ORIGIN "of a pip torch")
else()
  set(LIBTORCH_ORIGIN "unpacked")
endif()
message(STATUS "LibTorch ${LIBTORCH_VERSION}, ${LIBTORCH_FLAVOUR}, ${LIBTORCH_ORIGIN}: ${LIBTORCH_LIBRARY_DIR}; ${LIBTORCH_RANKS}")
