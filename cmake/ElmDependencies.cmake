# Every package that is not ours. The runtime's share comes first; a build without the toolchain looks
# for nothing else, so a missing arrow shows as a failed build.

find_package(Threads REQUIRED)

find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
add_library(elm_xxhash INTERFACE)
target_include_directories(elm_xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE_DIR})

find_path(SENTENCEPIECE_INCLUDE_DIR sentencepiece_processor.h REQUIRED)
find_library(SENTENCEPIECE_LIBRARY sentencepiece REQUIRED)
add_library(elm_sentencepiece INTERFACE)
target_include_directories(elm_sentencepiece SYSTEM INTERFACE ${SENTENCEPIECE_INCLUDE_DIR})
target_link_libraries(elm_sentencepiece INTERFACE ${SENTENCEPIECE_LIBRARY})

find_path(NLOHMANN_JSON_INCLUDE_DIR nlohmann/json.hpp REQUIRED)
add_library(elm_json INTERFACE)
target_include_directories(elm_json SYSTEM INTERFACE ${NLOHMANN_JSON_INCLUDE_DIR})

if(ELM_TESTS)
  find_package(GTest REQUIRED)
endif()

if(NOT ELM_TOOLCHAIN)
  return()
endif()

find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto) # SHA-256 of a run's inputs
find_package(HDF5 REQUIRED COMPONENTS C)
add_library(elm_hdf5 INTERFACE)
target_include_directories(elm_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_link_libraries(elm_hdf5 INTERFACE ${HDF5_LIBRARIES})

find_package(Torch REQUIRED)
# Debian's LibTorch calls whatever BLAS /etc/alternatives names: with the reference BLAS it trains 25
# times slower. A LibTorch from elsewhere brings its own.
if(TORCH_INSTALL_PREFIX MATCHES "^/usr/?$")
  find_library(ELM_OPENBLAS NAMES openblas libopenblas.so.0
               PATH_SUFFIXES openblas-pthread ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-pthread)
  if(NOT ELM_OPENBLAS)
    message(FATAL_ERROR "OpenBLAS is missing: without it Debian's LibTorch computes 25 times slower. "
                        "Run `make setup`, or: apt-get install libopenblas0-pthread")
  endif()
endif()
add_library(elm_torch INTERFACE)
target_include_directories(elm_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(elm_torch INTERFACE ${TORCH_LIBRARIES})

# A file that includes torch/torch.h takes 12 s to compile; the precompiled header is built once here.
file(WRITE ${CMAKE_BINARY_DIR}/elm_torch_header.cc "// Carries the precompiled header.\n")
add_library(elm_torch_header STATIC ${CMAKE_BINARY_DIR}/elm_torch_header.cc)
target_link_libraries(elm_torch_header PUBLIC elm_options elm_torch)
target_precompile_headers(elm_torch_header PRIVATE <torch/torch.h>)
