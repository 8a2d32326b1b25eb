# Log compaction: a part of the storage library.
target_sources(storage PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/cleaner.cc
  ${CMAKE_CURRENT_LIST_DIR}/cleaner_compaction.cc
  ${CMAKE_CURRENT_LIST_DIR}/cleaner_filter.cc
  ${CMAKE_CURRENT_LIST_DIR}/cleaner_offset_map.cc
  ${CMAKE_CURRENT_LIST_DIR}/cleaner_state.cc
  ${CMAKE_CURRENT_LIST_DIR}/cleaner_transactions.cc
)

barnabas_test(storage_cleaner_test
  SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/cleaner_compaction_test.cc
    ${CMAKE_CURRENT_LIST_DIR}/cleaner_test.cc
    ${CMAKE_CURRENT_LIST_DIR}/cleaner_workload.cc
    ${CMAKE_CURRENT_LIST_DIR}/test_support.cc
  USES storage
)

# Our side of compat-tests/compaction.
if(BARNABAS_TESTS)
  add_executable(storage_cleaner_judge
    ${CMAKE_CURRENT_LIST_DIR}/cleaner_judge.cc
    ${CMAKE_CURRENT_LIST_DIR}/cleaner_workload.cc
    ${CMAKE_CURRENT_LIST_DIR}/test_support.cc
  )
  target_link_libraries(storage_cleaner_judge PRIVATE storage GTest::gtest)
endif()
