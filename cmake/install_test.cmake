# What is installed works by itself: elmc finds its module and its built-in models relative to itself.
#   cmake -DBUILD=<build folder> -P install_test.cmake
set(WORK ${BUILD}/install_test)
file(REMOVE_RECURSE ${WORK})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed OUTPUT_QUIET
                COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${WORK}/installed ${WORK}/moved)
execute_process(COMMAND ${WORK}/moved/bin/elmc eval pocket-4m --tasks pocket:continue --count 5
                WORKING_DIRECTORY ${WORK} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${WORK}/moved/bin/elm --version COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE_RECURSE ${WORK})
