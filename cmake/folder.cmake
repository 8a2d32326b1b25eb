# One folder is one library and one test program, so that dependencies are visible in one line each.

# barnabas_library(NAME SOURCES... USES targets...): the static library of a folder.
function(barnabas_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;PRECOMPILE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC fmt::fmt Threads::Threads ${ARG_USES})
  if(ARG_PRECOMPILE)
    target_precompile_headers(${name} PRIVATE ${ARG_PRECOMPILE})
  endif()
endfunction()

# barnabas_test(NAME SOURCES... USES targets...): a GoogleTest program; each test is a CTest entry of its own.
# Labels let `tools/dev test` pick the quick ones; the default label is "unit".
function(barnabas_test name)
  if(NOT BARNABAS_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;USES;PRECOMPILE" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_USES} GTest::gmock GTest::gtest GTest::gtest_main)
  if(ARG_PRECOMPILE)
    target_precompile_headers(${name} PRIVATE ${ARG_PRECOMPILE})
  endif()
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# barnabas_benchmark(NAME SOURCES... USES targets...): a Google Benchmark program, run by hand or `tools/dev bench`.
function(barnabas_benchmark name)
  if(NOT BARNABAS_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_USES} benchmark::benchmark benchmark::benchmark_main)
endfunction()

# barnabas_fuzzer(NAME SOURCES... USES targets...): a libFuzzer target, built only with the fuzz preset.
function(barnabas_fuzzer name)
  if(NOT BARNABAS_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_USES})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
