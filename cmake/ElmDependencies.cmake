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

# Where datasets/ is built (see the top CMakeLists.txt).
if(ELM_TOOLCHAIN OR ELM_SANITIZE)
  find_path(CSV_INCLUDE_DIR csv.h REQUIRED)
  find_library(CSV_LIBRARY csv REQUIRED)
  add_library(elm_csv INTERFACE)
  target_include_directories(elm_csv SYSTEM INTERFACE ${CSV_INCLUDE_DIR})
  target_link_libraries(elm_csv INTERFACE ${CSV_LIBRARY})
  elm_precompiled(elm_json_header LINKS elm_json
                  HEADERS <algorithm> <filesystem> <fstream> <functional> <map> <nlohmann/json.hpp> <optional> <string> <vector>)
endif()

if(ELM_TESTS)
  find_package(GTest REQUIRED)
  elm_precompiled(elm_test_header TEST LINKS elm_json HEADERS <gmock/gmock.h> <nlohmann/json.hpp>)
endif()

if(NOT ELM_TOOLCHAIN)
  return()
endif()

find_library(SENTENCEPIECE_TRAIN_LIBRARY sentencepiece_train REQUIRED)
add_library(elm_sentencepiece_train INTERFACE)
target_link_libraries(elm_sentencepiece_train INTERFACE ${SENTENCEPIECE_TRAIN_LIBRARY}
                      elm_sentencepiece)

find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto) # SHA-256 of a run's inputs
find_package(HDF5 REQUIRED COMPONENTS C)
add_library(elm_hdf5 INTERFACE)
target_include_directories(elm_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_link_libraries(elm_hdf5 INTERFACE ${HDF5_LIBRARIES})

# A LibTorch with CUDA compiles a program that asks for the GPUs here, in our C++ standard unless told otherwise,
# which this CMake may not know of nvcc. We compile no CUDA of our own.
set(CMAKE_CUDA_STANDARD 17)
find_package(Torch REQUIRED)
if(TORCH_CXX_FLAGS MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
  message(FATAL_ERROR "The LibTorch in ${TORCH_INSTALL_PREFIX} is built for the old C++ ABI, which no "
                      "other library here has. Take the build whose name holds cxx11-abi")
endif()
include(ElmBlas)
find_library(ELM_TORCH_CPU torch_cpu HINTS ${TORCH_INSTALL_PREFIX}/lib REQUIRED)
elm_check_blas(${ELM_TORCH_CPU})
add_library(elm_torch INTERFACE)
# Newer ones from elsewhere carry headers of an fmt of their own, not the one that spdlog here is made with.
if(TARGET fmt::fmt AND EXISTS ${TORCH_INSTALL_PREFIX}/include/fmt)
  get_target_property(fmt_headers fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
  list(GET fmt_headers 0 fmt_headers)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/headers_first)
  file(CREATE_LINK ${fmt_headers}/fmt ${CMAKE_BINARY_DIR}/headers_first/fmt SYMBOLIC)
  target_include_directories(elm_torch SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/headers_first)
endif()
target_include_directories(elm_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
# The C++ library first: LibTorch 2.11 for CUDA exports parts of an older one, whose std::filesystem ends the program.
target_link_libraries(elm_torch INTERFACE stdc++ ${TORCH_LIBRARIES})
# The precompiled header is made with -fPIC; a program, which CMake compiles with -fPIE, could not use it.
target_compile_options(elm_torch INTERFACE -fPIC)

elm_precompiled(elm_torch_header LINKS elm_torch elm_json
                HEADERS ${CMAKE_SOURCE_DIR}/toolchain/base/libtorch.h <nlohmann/json.hpp>)
if(ELM_TESTS)
  elm_precompiled(elm_torch_test_header TEST LINKS elm_torch elm_json
                  HEADERS ${CMAKE_SOURCE_DIR}/toolchain/base/libtorch.h <gmock/gmock.h> <nlohmann/json.hpp>)
endif()
