# How the runtime is built for a 64-bit ARM phone.
#
# With an Android NDK (ELM_NDK, or ANDROID_NDK_HOME in the environment): its own toolchain, API level 28.
# SentencePiece, xxHash, nlohmann-json and GoogleTest built for Android come from ELM_ANDROID_PREFIX.
#
# Without: Debian's cross compiler for arm64 Linux against unpacked Debian packages (ELM_ARM64_SYSROOT,
# made by cmake/arm64-sysroot.sh). The same sources and the same instruction set, and the tests run
# here under qemu; what differs from a phone is the C library.

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ELM_NDK ELM_ANDROID_PREFIX ELM_ARM64_SYSROOT)

if(NOT ELM_NDK)
  set(ELM_NDK "$ENV{ANDROID_NDK_HOME}" CACHE PATH "Android NDK; empty: Debian's cross compiler")
endif()

if(ELM_NDK)
  set(elm_ndk_toolchain ${ELM_NDK}/build/cmake/android.toolchain.cmake)
  if(NOT EXISTS ${elm_ndk_toolchain})
    message(FATAL_ERROR "No Android NDK in ${ELM_NDK}: ${elm_ndk_toolchain} does not exist. "
                        "Give its folder as -DELM_NDK=... or unset ANDROID_NDK_HOME")
  endif()
  set(ANDROID_ABI arm64-v8a)
  set(ANDROID_PLATFORM android-28)
  set(ANDROID_STL c++_static)
  set(ELM_ANDROID_PREFIX "" CACHE PATH "The runtime's libraries, built for Android arm64-v8a")
  list(APPEND CMAKE_FIND_ROOT_PATH ${ELM_ANDROID_PREFIX})
  include(${elm_ndk_toolchain})
  return()
endif()

if(NOT ELM_ARM64_SYSROOT)
  set(ELM_ARM64_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../build/arm64-sysroot CACHE PATH
      "Unpacked arm64 Debian packages (cmake/arm64-sysroot.sh)")
endif()
get_filename_component(elm_sysroot ${ELM_ARM64_SYSROOT} ABSOLUTE)
if(NOT EXISTS ${elm_sysroot}/.packages)
  message(FATAL_ERROR "No arm64 packages in ${elm_sysroot}. Run: make android-arm64, "
                      "or: cmake/arm64-sysroot.sh ${elm_sysroot}")
endif()

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

# Packages, headers and libraries for the phone come from the sysroot only: what this machine has
# installed for itself must not be found.
set(CMAKE_FIND_ROOT_PATH ${elm_sysroot})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# ctest runs the programs under user-mode emulation, with every instruction-set extension that the
# emulator knows (dot products, int8 matrix products, fp16, bf16).
find_program(ELM_QEMU_AARCH64 NAMES qemu-aarch64-static qemu-aarch64)
if(ELM_QEMU_AARCH64)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${ELM_QEMU_AARCH64} -cpu max -L /usr/aarch64-linux-gnu)
endif()
