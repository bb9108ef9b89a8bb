// SPDX-License-Identifier: Apache-2.0
//
// The address spaces of a scenario in a plan.

#include <algorithm>

#include "conform/plan.h"

namespace knotcheck::conform {

using model::Op;
using model::OpCode;
using model::Program;
using model::TaskInfo;
using model::TaskKind;

uint8_t SpaceInPlan(const Program& program, uint8_t space) {
  while (program.copied_from[space] >= 0) space = static_cast<uint8_t>(program.copied_from[space]);
  return space;
}

bool IsInPlan(const Program& program, uint8_t space) { return program.copied_from[space] < 0; }

int WordInPlan(const Program& program, int word) {
  const auto space = static_cast<uint8_t>(word / program.words_of_space);
  return program.FirstWordOf(SpaceInPlan(program, space)) + word % program.words_of_space;
}

bool Forks(const Program& program) {
  return std::any_of(program.copied_from.begin(), program.copied_from.end(),
                     [](int8_t space) { return space >= 0; });
}

const char* CannotMap(const Program& program) {
  const bool others_store = program.general_peer || !program.writers.empty();
  const int spaces = program.whole_objects / std::max(1, program.objects_of_space);
  for (const model::Word& word : program.words) {
    const auto unmaps = [&program](model::Value value) { return program.values[value].unmapped; };
    if (std::none_of(word.domain.begin(), word.domain.end(), unmaps)) continue;
    // The runner unmaps a page, and maps all of it again.
    if (program.objects[word.object].words > 1) return "what is unmapped has more than one word";
    if (others_store) return "a peer without a script may unmap memory";
    // Its peers are the first target's.
    if (spaces > 1) return "memory is unmapped, and there are several address spaces";
  }
  if (!Forks(program)) return nullptr;
  if (others_store) return "fork() copies memory, and a peer without a script stores there";
  for (const TaskInfo& task : program.tasks) {
    const bool stores = std::any_of(task.ops.begin(), task.ops.end(),
                                    [](const Op& op) { return op.code == OpCode::kStore; });
    if (!stores) continue;
    if (task.kind == TaskKind::kSupervisor) {
      return "fork() copies memory, and a supervisor stores there";
    }
    if (task.kind == TaskKind::kPeer && task.space != 0) {
      return "fork() copies memory, and a peer stores that is not the first target's";
    }
  }
  return nullptr;
}

}  // namespace knotcheck::conform
