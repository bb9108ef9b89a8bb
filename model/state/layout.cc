// SPDX-License-Identifier: Apache-2.0

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "model/proposal.h"
#include "model/state.h"

namespace knotcheck::model {
namespace {

#include "model/state/rows.h"
void ListFrame(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Frame;
#include "model/state/frame.def"
}

void ListKnotif(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Knotif;
#include "model/state/knotif.def"
}

void ListKaddfd(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Kaddfd;
#include "model/state/kaddfd.def"
}

void ListTask(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Task;
#include "model/state/task.def"
}

void ListView(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = View;
#include "model/state/view.def"
}

void ListFilter(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Filter;
#include "model/state/filter.def"
}

void ListGlobals(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Globals;
#include "model/state/globals.def"
}

void ListRegisters(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Registers;
#include "model/state/registers.def"
}

void ListRegisterFile(const FieldContext& c, const std::string& prefix, size_t at,
                      FieldList& fields) {
  using Struct = RegisterFile;
#include "model/state/register_file.def"
}

#include "model/state/end.h"

}  // namespace

Layout::Layout(const Program& program, const Proposal& proposal)
    : tasks(program.tasks.size()),
      views(static_cast<size_t>(program.views)),
      filters(1u + program.installs),
      tables(static_cast<size_t>(program.files_tables)),
      words(program.words.size()),
      senders(program.senders.size()),
      writers(program.writers.size()),
      has_registers(proposal.writes_registers) {
  if (proposal.state_bytes != nullptr) {
    proposal.state_bytes(program, &proposal_task_bytes, &proposal_bytes);
  }
  const auto place = [this](size_t part) {
    const size_t at = bytes;
    bytes += (part + 7) / 8 * 8;
    return static_cast<uint32_t>(at);
  };
  tasks_at = place(tasks * sizeof(Task));
  views_at = place(views * sizeof(View));
  filters_at = place(filters * sizeof(Filter));
  files_at = place(tables * sizeof(FilesTable));
  memory_at = place(words);
  signals_at = place(senders);
  writes_at = place(writers);
  globals_at = place(sizeof(Globals));
  registers_at = place(has_registers ? tasks * sizeof(RegisterFile) : 0);
  proposal_tasks_at = place(tasks * proposal_task_bytes);
  proposal_at = place(proposal_bytes);
}

std::vector<Field> FieldsOf(const Program& program, const Proposal& proposal,
                            const Layout& layout) {
  FieldList fields;
  static const TaskInfo nobody;
  const FieldContext all{.program = program,
                         .verbs = !proposal.verbs.empty(),
                         .tasks = layout.tasks,
                         .tables = layout.tables,
                         .owner = -1,
                         .info = nobody,
                         .supervisor = false};
  const auto of_task = [&](size_t t) {
    return FieldContext{.program = program,
                        .verbs = all.verbs,
                        .tasks = all.tasks,
                        .tables = all.tables,
                        .owner = static_cast<int8_t>(t),
                        .info = program.tasks[t],
                        .supervisor = program.tasks[t].kind == TaskKind::kSupervisor};
  };
  // Those of `all`, each with the owner that it has.
  const auto of = [&](size_t owner) {
    return FieldContext{.program = program,
                        .verbs = all.verbs,
                        .tasks = all.tasks,
                        .tables = all.tables,
                        .owner = static_cast<int8_t>(owner),
                        .info = nobody,
                        .supervisor = false};
  };
  for (size_t t = 0; t < layout.tasks; ++t) {
    ListTask(of_task(t), absl::StrCat(program.tasks[t].name, "."),
             layout.tasks_at + t * sizeof(Task), fields);
  }
  for (size_t v = 0; v < layout.views; ++v) {
    ListView(all, absl::StrCat("view", v, "."), layout.views_at + v * sizeof(View), fields);
  }
  const FieldContext installed{.program = program,
                               .verbs = all.verbs,
                               .tasks = all.tasks,
                               .tables = all.tables,
                               .owner = -1,
                               .info = nobody,
                               .supervisor = false,
                               .traps = false};
  for (size_t f = 0; f < layout.filters; ++f) {
    ListFilter(f == 0 ? all : installed, f == 0 ? "" : absl::StrCat("filter", f, "."),
               layout.filters_at + f * sizeof(Filter), fields);
  }
  for (size_t f = 0; f < layout.tables; ++f) {
    for (size_t fd = 0; fd < kMaxFds; ++fd) {
      fields.Add(of(f), absl::StrCat("files", f, ".fd", fd),
                 layout.files_at + f * sizeof(FilesTable) + fd, all.File(), kPlain,
                 Resource::kTableOfFiles);
    }
  }
  for (size_t w = 0; w < layout.words; ++w) {
    const Word& word = program.words[w];
    fields.Add(all, absl::StrCat("memory", w), layout.memory_at + w,
               word.shared || (word.stored_by == 0 && !word.copied) ? 0 : 0xff, kPlain,
               Resource::kUserMemory);
  }
  for (size_t i = 0; i < layout.senders; ++i) {
    fields.Add(all, absl::StrCat("signals_left", i), layout.signals_at + i,
               FieldContext::UpTo(program.senders[i].count), kPlain, Resource::kBudgetOfThread);
  }
  for (size_t i = 0; i < layout.writers; ++i) {
    fields.Add(all, absl::StrCat("writes_left", i), layout.writes_at + i,
               FieldContext::UpTo(program.writers[i].writes), kPlain, Resource::kBudgetOfThread);
  }
  ListGlobals(all, "", layout.globals_at, fields);
  for (size_t t = 0; t < layout.tasks && layout.has_registers; ++t) {
    ListRegisterFile(of_task(t), absl::StrCat(program.tasks[t].name, ".registers."),
                     layout.registers_at + t * sizeof(RegisterFile), fields);
  }
  if (proposal.list_task_fields != nullptr) {
    for (size_t t = 0; t < layout.tasks; ++t) {
      proposal.list_task_fields(of_task(t), absl::StrCat(program.tasks[t].name, "."),
                                layout.proposal_tasks_at + t * layout.proposal_task_bytes, fields);
    }
  }
  if (proposal.list_fields != nullptr) proposal.list_fields(all, layout.proposal_at, fields);
  return fields.fields();
}

std::string Difference(const std::vector<Field>& fields, const State& before, const State& after) {
  std::string text;
  const auto* const from = reinterpret_cast<const uint8_t*>(before.words());
  const auto* const to = reinterpret_cast<const uint8_t*>(after.words());
  for (const Field& field : fields) {
    const int was = from[field.offset] & field.mask;
    const int is = to[field.offset] & field.mask;
    if (was == is) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", field.name, " ", was, " -> ", is);
  }
  return text;
}

}  // namespace knotcheck::model
