# Arrows point down: which room may link, and include, which. A wrong arrow fails the configuration.
#
# Rules are regular expressions, over the names of targets (or the paths of libraries linked by path)
# and over #include lines. They hold directly and through others.

set(ELM_PHONE_ROOMS "^(formats_(base|model|elm)|runtime_|elm$)")
set(ELM_TOOLCHAIN_ROOMS "^(toolchain_|datasets|elmc$)")
set(ELM_TOOLCHAIN_LIBRARIES
    "^(elm_torch|torch|c10|CLI11|spdlog|fmt::|elm_csv|elm_sentencepiece_train)|/lib(torch|c10|spdlog|fmt|csv)")
set(ELM_WORKSPACE_LIBRARIES "^(elm_hdf5|hdf5|OpenSSL)|/lib(hdf5|crypto)")

# elm_reach(<target> <variable>): every target and library that <target> links, directly or through
# others; <variable>_<item> is the way to it, as text.
function(elm_reach target variable)
  set(reached)
  set(queue ${target})
  set(${variable}_${target} ${target})
  while(queue)
    list(POP_FRONT queue current)
    set(links)
    if(TARGET ${current})
      get_target_property(type ${current} TYPE)
      get_target_property(links ${current} INTERFACE_LINK_LIBRARIES)
      if(current STREQUAL target AND NOT type STREQUAL "INTERFACE_LIBRARY")
        get_target_property(direct ${current} LINK_LIBRARIES)
        list(APPEND links ${direct})
      endif()
    endif()
    foreach(item IN LISTS links)
      string(REGEX REPLACE "\\$<[A-Z_]+:|>+$" "" item "${item}") # $<LINK_ONLY:x> is x
      if(item AND NOT item MATCHES "NOTFOUND$" AND NOT item IN_LIST reached)
        list(APPEND reached ${item})
        list(APPEND queue ${item})
        set(${variable}_${item} "${${variable}_${current}} -> ${item}")
        set(${variable}_${item} "${${variable}_${item}}" PARENT_SCOPE)
      endif()
    endforeach()
  endwhile()
  set(${variable} "${reached}" PARENT_SCOPE)
endfunction()

# elm_rooms(<folder> <variable>): the targets defined in <folder> and below.
function(elm_rooms folder variable)
  get_property(rooms DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(children DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(child IN LISTS children)
    elm_rooms(${child} below)
    list(APPEND rooms ${below})
  endforeach()
  set(${variable} "${rooms}" PARENT_SCOPE)
endfunction()

# elm_forbid_link(<rooms> <forbidden>)
function(elm_forbid_link rooms forbidden)
  elm_rooms(${CMAKE_SOURCE_DIR} all)
  list(FILTER all INCLUDE REGEX "${rooms}")
  foreach(room IN LISTS all)
    elm_reach(${room} way)
    foreach(item IN LISTS way)
      if(item MATCHES "${forbidden}")
        message(SEND_ERROR "Arrows point down: ${room} must not link ${item} (${way_${item}})")
      endif()
    endforeach()
  endforeach()
endfunction()

# elm_forbid_include(<folder> <forbidden>): no file in <folder> and below includes what matches.
function(elm_forbid_include folder forbidden)
  file(GLOB_RECURSE files ${CMAKE_SOURCE_DIR}/${folder}/*.h ${CMAKE_SOURCE_DIR}/${folder}/*.hpp
       ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
  foreach(file IN LISTS files)
    file(STRINGS ${file} lines REGEX "^ *# *include *[<\"](${forbidden})")
    if(lines)
      message(SEND_ERROR "Arrows point down: ${file} must not hold: ${lines}")
    endif()
  endforeach()
endfunction()

# Call once, after every room is defined.
function(elm_check_arrows)
  elm_forbid_link("${ELM_PHONE_ROOMS}|^formats_" "${ELM_TOOLCHAIN_ROOMS}|${ELM_TOOLCHAIN_LIBRARIES}")
  elm_forbid_link("${ELM_PHONE_ROOMS}" "${ELM_WORKSPACE_LIBRARIES}|^formats_(workspace|checkpoint)")
  # JSON is for programs that print or read it, not for those that link the runtime.
  elm_forbid_link("^(formats_(base|model|elm)|runtime_(kernels|engine|tlm|orchestrator))$"
                  "^(elm_json|formats_(json|.*_json|elm_dump))$")
  elm_forbid_link("^formats_" "^(runtime_|elm$)")
  elm_forbid_link("^(datasets|toolchain_(base|model|training)(_|$))"
                  "^(toolchain_(profile|plan|eval|pack|pretrain|recover|tlm|baselines|trace|pipeline)|elmc$)")
  elm_forbid_link("^toolchain_(profile|plan|eval|pack|pretrain|recover|report|baselines|tlm|trace)"
                  "^(toolchain_pipeline|elmc$)")
  elm_forbid_link("^toolchain_(profile|plan|eval|pack|pretrain|recover|quantize|tlm)"
                  "^toolchain_(baselines|trace)$")
  elm_forbid_link("^toolchain_(pretrain|recover)" "^toolchain_(profile|plan|eval|pack)$")
  elm_forbid_link("^toolchain_pretrain" "^toolchain_recover$")
  elm_forbid_link("^toolchain_recover" "^toolchain_pretrain$")

  set(toolchain_headers "torch/|ATen/|c10/|CLI/|spdlog/|fmt/|sentencepiece_trainer|toolchain/|datasets/")
  elm_forbid_include(formats "${toolchain_headers}|runtime/|elm/elm\\.")
  elm_forbid_include(runtime "${toolchain_headers}|hdf5|H5|openssl/|formats/(workspace|checkpoint)/")
  foreach(room kernels engine tlm orchestrator)
    elm_forbid_include(runtime/${room} "formats/json/")
  endforeach()
  foreach(room base model elm json checkpoint)
    elm_forbid_include(formats/${room} "hdf5|H5|openssl/|formats/workspace/")
  endforeach()
endfunction()
