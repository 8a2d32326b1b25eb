# Flags shared by every target: warnings as errors, thread-safety analysis, sanitizers, ccache, lld.

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "Barnabas is built with clang 19; this is ${CMAKE_CXX_COMPILER_ID}. Use a preset: cmake --preset release")
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wthread-safety -Werror
                    -Wno-missing-field-initializers -Wno-missing-designated-field-initializers
                    -fno-omit-frame-pointer)
add_link_options(-fuse-ld=lld-19)
include_directories(${CMAKE_SOURCE_DIR})

if(BARNABAS_SANITIZE)
  add_compile_options(-fsanitize=${BARNABAS_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BARNABAS_SANITIZE})
endif()
if(BARNABAS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# ccache where present. Paths are made relative so that several build folders share results;
# precompiled headers need the timestamp switched off to be reusable.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endif()
