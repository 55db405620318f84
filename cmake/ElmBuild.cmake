# How every target of the project is compiled, and the three kinds of target there are.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON) # a LibTorch outside the system's folders is found after installing, too

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(ELM_CCACHE ccache)
if(ELM_CCACHE)
  # The precompiled header carries time stamps and macros that ccache would otherwise refuse to trust.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${ELM_CCACHE})
endif()

add_library(elm_options INTERFACE)
target_include_directories(elm_options INTERFACE ${CMAKE_SOURCE_DIR})
# Other compilers warn of other things, some of them false: they must not stop a user's build.
string(REGEX MATCH "^[0-9]+" elm_compiler_major "${CMAKE_CXX_COMPILER_VERSION}")
set(elm_known_compiler OFF)
if("${CMAKE_CXX_COMPILER_ID} ${elm_compiler_major}" MATCHES "^(GNU 12|Clang 14)$")
  set(elm_known_compiler ON)
endif()
option(ELM_WERROR "Treat warnings as errors; on by default for GCC 12 and clang 14" ${elm_known_compiler})
target_compile_options(elm_options INTERFACE -Wall -Wextra $<$<BOOL:${ELM_WERROR}>:-Werror>)
if(ELM_SANITIZE)
  target_compile_options(elm_options INTERFACE -fsanitize=${ELM_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(elm_options INTERFACE -fsanitize=${ELM_SANITIZE})
endif()
if(ELM_FUZZ)
  target_compile_options(elm_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# elm_precompiled(<name> HEADERS h ... [LINKS target ...] [TEST])
# Headers that many files include, compiled once; a target takes them by REUSE_FROM <name>. The parsing of
# GoogleTest, nlohmann/json and LibTorch is most of what compiling a file costs. (Not CLI11: its classes would be
# compiled anew in every file that takes its precompiled header.) TEST: for test programs.
function(elm_precompiled name)
  cmake_parse_arguments(arg "TEST" "" "HEADERS;LINKS" ${ARGN})
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/${name}.cc CONTENT "// Carries the precompiled header.\n")
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/${name}.cc)
  target_link_libraries(${name} PUBLIC elm_options ${arg_LINKS})
  if(arg_TEST)
    target_link_libraries(${name} PRIVATE elm_test_options GTest::gmock)
  endif()
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
endfunction()

# A test is compiled more often than it runs, and nothing in it is worth -O3. The precompiled header is made
# with -fPIC; a program, which CMake compiles with -fPIE, could not use it.
add_library(elm_test_options INTERFACE)
target_compile_options(elm_test_options INTERFACE $<$<CONFIG:Release>:-O1> -fPIC)
if(ELM_SANITIZE MATCHES "undefined") # of the rooms' code; GoogleTest's own takes half a minute for each file
  target_compile_options(elm_test_options INTERFACE -O0 -fno-sanitize=undefined)
endif()

# elm_library(<room> SOURCES a.cc ... [DEPENDS room ...] [TORCH | JSON])
# One static library per room. TORCH: compiled with LibTorch and its precompiled header; JSON: with that of
# nlohmann/json, where no file has options of its own.
function(elm_library name)
  cmake_parse_arguments(arg "TORCH;JSON" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC elm_options ${arg_DEPENDS})
  if(arg_TORCH)
    target_link_libraries(${name} PUBLIC elm_torch)
    target_precompile_headers(${name} REUSE_FROM elm_torch_header)
  elseif(arg_JSON)
    target_precompile_headers(${name} REUSE_FROM elm_json_header)
  endif()
endfunction()

# elm_test(<name> SOURCES a_test.cc ... [DEPENDS room ...] [TORCH])
# One test program per room. Assets of others' making are found through ELM_ASSETS; tests that need
# them skip with a message when the folder is absent.
set(ELM_ASSETS ${CMAKE_SOURCE_DIR}/../shared/assets CACHE PATH
    "Folder of third-party models and texts that some tests read")
function(elm_test name)
  if(NOT ELM_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "TORCH" "TIMEOUT;PROCESSORS" "SOURCES;DEPENDS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(ELM_SANITIZE OR CMAKE_CROSSCOMPILING)
    math(EXPR arg_TIMEOUT "3 * ${arg_TIMEOUT}") # sanitizers and emulators are slower by as much
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE elm_options elm_test_options ${arg_DEPENDS} GTest::gmock GTest::gtest_main)
  if(arg_TORCH)
    target_link_libraries(${name} PRIVATE elm_torch)
    target_precompile_headers(${name} REUSE_FROM elm_torch_test_header)
  else()
    target_precompile_headers(${name} REUSE_FROM elm_test_header)
  endif()
  # LibTorch computes on all cores; two such programs at once take far longer than one after the other.
  if(arg_TORCH)
    set(arg_PROCESSORS 2)
  elseif(NOT arg_PROCESSORS)
    set(arg_PROCESSORS 1)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT}
    PROCESSORS ${arg_PROCESSORS} ENVIRONMENT
    "ELM_ASSETS=${ELM_ASSETS};ELM_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
endfunction()

# elm_test_on_older_cpu(<test>)
# When emulated: the same test once more on a core without int8 matrix products, so that the kernels for its
# instructions are what is chosen.
function(elm_test_on_older_cpu name)
  if(NOT TARGET ${name} OR NOT CMAKE_CROSSCOMPILING_EMULATOR)
    return()
  endif()
  list(TRANSFORM CMAKE_CROSSCOMPILING_EMULATOR REPLACE "^max$" "cortex-a76" OUTPUT_VARIABLE older)
  # As the file that it is, not as the target: CMake would put the first emulator in front.
  add_test(NAME ${name}_cortex_a76 COMMAND ${older} $<TARGET_FILE:${name}>)
  get_test_property(${name} TIMEOUT timeout)
  get_test_property(${name} ENVIRONMENT environment)
  set_tests_properties(${name}_cortex_a76 PROPERTIES TIMEOUT ${timeout} ENVIRONMENT "${environment}")
endfunction()

# elm_fuzz(<name> SOURCES a_fuzz.cc [DEPENDS room ...])
function(elm_fuzz name)
  if(NOT ELM_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE elm_options ${arg_DEPENDS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
