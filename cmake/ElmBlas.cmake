# LibTorch must compute on a fast BLAS.
#
# Debian's LibTorch calls libblas.so.3, whatever library /etc/alternatives puts behind that name. With the
# reference BLAS it is 25 times slower (measured: 7 against 183 GFLOP/s in float32 on two cores).
# A LibTorch that brings its own BLAS does not load libblas.so.3, and passes.

# elm_check_blas(<libtorch_cpu.so>): fails the configuration when that library would load a slow BLAS.
function(elm_check_blas torch_library)
  execute_process(COMMAND ldd ${torch_library} OUTPUT_VARIABLE loaded ERROR_QUIET)
  if(NOT loaded MATCHES "libblas\\.so\\.3 => ([^\n]+)")
    return()
  endif()
  string(REGEX REPLACE " \\(0x[0-9a-f]+\\)$" "" blas "${CMAKE_MATCH_1}")
  if(EXISTS "${blas}")
    file(REAL_PATH "${blas}" blas)
  endif()
  if(blas MATCHES "openblas|blis|mkl")
    message(STATUS "BLAS: ${blas}")
    return()
  endif()
  file(GLOB openblas /usr/lib/*/openblas-pthread/libblas.so.3)
  if(openblas)
    list(GET openblas 0 openblas)
    set(remedy "OpenBLAS is installed but not selected. As root: update-alternatives --set "
               "libblas.so.3-${CMAKE_LIBRARY_ARCHITECTURE} ${openblas} (and look at LD_LIBRARY_PATH)")
  else()
    set(remedy "OpenBLAS is not installed. Run: make setup, or as root: "
               "apt-get install libopenblas0-pthread")
  endif()
  list(JOIN remedy "" remedy)
  message(FATAL_ERROR "LibTorch would compute on ${blas}, 25 times slower than on OpenBLAS. ${remedy}")
endfunction()
