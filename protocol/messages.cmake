# The messages: generated from schema/*.schema into <build>/generated/protocol, compiled in groups to keep builds short.

find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(GENERATED ${CMAKE_BINARY_DIR}/generated)
file(GLOB SCHEMAS CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/schema/*.schema)
file(GLOB GENERATOR CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/generator/*.py)

set(MESSAGE_HEADERS ${GENERATED}/protocol/api_key.h)
set(MESSAGE_SOURCES ${GENERATED}/protocol/api_key.cc)
set(MESSAGE_TESTING ${GENERATED}/protocol/testing/registry.cc)
foreach(schema ${SCHEMAS})
  cmake_path(GET schema STEM name)
  list(APPEND MESSAGE_HEADERS ${GENERATED}/protocol/messages/${name}.h)
  list(APPEND MESSAGE_SOURCES ${GENERATED}/protocol/messages/${name}.cc)
  list(APPEND MESSAGE_TESTING ${GENERATED}/protocol/testing/${name}.cc)
endforeach()

add_custom_command(
  OUTPUT ${MESSAGE_HEADERS} ${MESSAGE_SOURCES} ${MESSAGE_TESTING}
  COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/generator/generate.py ${GENERATED} ${SCHEMAS}
  DEPENDS ${SCHEMAS} ${GENERATOR}
  COMMENT "Generating the protocol's messages"
  VERBATIM)

add_library(protocol_messages OBJECT ${MESSAGE_SOURCES} ${MESSAGE_HEADERS})
target_include_directories(protocol_messages PUBLIC ${GENERATED})
target_link_libraries(protocol_messages PUBLIC fmt::fmt)
set_target_properties(protocol_messages PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)

# The same objects in every program that uses protocol; other folders' sources wait for the headers.
target_sources(protocol PRIVATE $<TARGET_OBJECTS:protocol_messages>)
target_include_directories(protocol PUBLIC ${GENERATED})
add_dependencies(protocol protocol_messages)

# Random instances of all messages, for tests.
add_library(protocol_testing STATIC EXCLUDE_FROM_ALL testing/any_message.cc ${MESSAGE_TESTING})
target_link_libraries(protocol_testing PUBLIC protocol)
set_target_properties(protocol_testing PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)

if(BARNABAS_TESTS)
  add_executable(vectors_check testing/vectors_check.cc)
  target_link_libraries(vectors_check PRIVATE protocol_testing)
endif()
# Counts what operator new is asked for; ThreadSanitizer brings its own.
if(NOT BARNABAS_SANITIZE MATCHES thread)
  barnabas_test(malformed_messages_test SOURCES testing/malformed_messages_test.cc USES protocol_testing)
endif()
barnabas_fuzzer(messages_fuzzer SOURCES testing/messages_fuzzer.cc USES protocol_testing)
barnabas_fuzzer(requests_fuzzer SOURCES testing/requests_fuzzer.cc USES protocol_testing)
