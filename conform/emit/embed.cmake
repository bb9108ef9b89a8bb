# SPDX-License-Identifier: Apache-2.0
#
# knot_embed(TARGET FILES...): NAME.c of this folder becomes "NAME.c.inc", a string literal that the
# target's sources can include. Rooms outside the tree include this file, too.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${FROM} text)
  file(WRITE ${TO} "R\"embedded(${text})embedded\"\n")
  return()
endif()

set(KNOT_EMBED ${CMAKE_CURRENT_LIST_FILE})

function(knot_embed target)
  foreach(file ${ARGN})
    file(RELATIVE_PATH name ${CMAKE_CURRENT_SOURCE_DIR} ${file})
    set(literal ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.inc)
    add_custom_command(OUTPUT ${literal}
      COMMAND ${CMAKE_COMMAND} -DFROM=${file} -DTO=${literal} -P ${KNOT_EMBED}
      DEPENDS ${file} ${KNOT_EMBED} COMMENT "Embedding ${name}" VERBATIM)
    target_sources(${target} PRIVATE ${literal})
  endforeach()
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/embedded)
endfunction()
