# Tests the two rules that the configuration enforces: arrows point down, and LibTorch computes on a
# fast BLAS.   cmake -DWORK=<folder> -DCXX=<compiler> -P build_rules_test.cmake
set(ELM_CMAKE ${CMAKE_CURRENT_LIST_DIR})
file(REMOVE_RECURSE ${WORK})

# Runs a command; its output must match `expected`, and it must succeed or fail as `outcome` says.
function(expect name outcome expected)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  string(REGEX REPLACE "[ \n]+" " " out "${out}") # CMake wraps its messages
  if((outcome STREQUAL "passes" AND NOT code EQUAL 0) OR (outcome STREQUAL "fails" AND code EQUAL 0)
     OR NOT out MATCHES "${expected}")
    message(SEND_ERROR "${name}: expected: ${outcome}, with '${expected}'; exit code ${code}, output: ${out}")
  else()
    message("${name}: ok")
  endif()
endfunction()

# A project of stand-ins for the rooms, with one more arrow.
function(expect_arrow ELM_FROM ELM_TO outcome expected)
  set(folder ${WORK}/${ELM_FROM}-${ELM_TO})
  configure_file(${ELM_CMAKE}/testing/arrows.CMakeLists.txt.in ${folder}/CMakeLists.txt @ONLY)
  expect("${ELM_FROM} -> ${ELM_TO}" ${outcome} "${expected}"
         ${CMAKE_COMMAND} -G Ninja -S ${folder} -B ${folder}/build)
endfunction()

expect_arrow(toolchain_model runtime_engine passes "Generating done")
expect_arrow(formats_workspace elm_hdf5 passes "Generating done")
expect_arrow(runtime_engine elm_torch fails "runtime_engine must not link elm_torch")
expect_arrow(runtime_engine helper fails "\\(runtime_engine -> helper -> toolchain_base\\)")
expect_arrow(runtime_engine formats_workspace fails "must not link elm_hdf5")
expect_arrow(formats_base runtime_engine fails "formats_base must not link runtime_engine")
expect_arrow(formats_base elm_hdf5 fails "formats_base must not link elm_hdf5")
expect_arrow(toolchain_model toolchain_pipeline fails "must not link toolchain_pipeline")

# A header taken from a room above, with no link.
function(expect_include header outcome expected)
  string(MAKE_C_IDENTIFIER ${header} folder)
  set(folder ${WORK}/${folder})
  set(ELM_FROM helper)
  set(ELM_TO toolchain_base)
  configure_file(${ELM_CMAKE}/testing/arrows.CMakeLists.txt.in ${folder}/CMakeLists.txt @ONLY)
  file(WRITE ${folder}/runtime/engine/a.cc "#include ${header}\n")
  expect("#include ${header}" ${outcome} "${expected}"
         ${CMAKE_COMMAND} -G Ninja -S ${folder} -B ${folder}/build)
endfunction()

expect_include("\"formats/elm/bundle.h\"" passes "Generating done")
expect_include("\"toolchain/model/llama.h\"" fails "must not hold: #include \"toolchain/model/llama.h\"")
expect_include("<spdlog/spdlog.h>" fails "must not hold: #include <spdlog/spdlog.h>")

# Empty libraries under the names that Debian's LibTorch and its BLAS have.
function(expect_blas folder outcome expected)
  set(folder ${WORK}/${folder})
  file(MAKE_DIRECTORY ${folder})
  file(WRITE ${folder}/empty.cc "")
  file(WRITE ${folder}/check.cmake
       "include(${ELM_CMAKE}/ElmBlas.cmake)\nelm_check_blas(${folder}/libtorch_cpu.so)\n")
  set(shared ${CXX} -shared -fPIC ${folder}/empty.cc)
  execute_process(COMMAND ${shared} -Wl,-soname,libblas.so.3 -o ${folder}/libblas.so.3
                  COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${shared} -o ${folder}/libtorch_cpu.so -Wl,--no-as-needed
                          ${folder}/libblas.so.3 -Wl,-rpath,${folder} COMMAND_ERROR_IS_FATAL ANY)
  expect("BLAS in ${folder}" ${outcome} "${expected}" ${CMAKE_COMMAND} -P ${folder}/check.cmake)
endfunction()

expect_blas(reference fails "25 times slower than on OpenBLAS")
expect_blas(openblas-pthread passes "openblas-pthread/libblas.so.3")
