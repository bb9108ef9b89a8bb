// SPDX-License-Identifier: Apache-2.0
//
// The fields of the state. Each struct of it is a table, model/state/NAME.def (a proposal's lie in
// its room), one row a field: its type and name, the bits that it uses, what it names, and which
// resource it is. The struct, packing, printing, canonical form, and what a step may change by its
// footprint, all come from the row.
//
//   KNOT_FIELD(type, name, mask, names, resource)          one byte
//   KNOT_FIELDS(type, name, count, mask, names, resource)  an array of bytes
//   KNOT_FLAGS(type, name)                                 a byte of flags; a row for each of them:
//   KNOT_FLAG(field, name, flag, resource)
//   KNOT_STRUCT(type, name, present)                       another struct, stored if `present`
//   KNOT_STRUCTS(type, name, count, present)               an array of them, each if `present`
//
// In `mask` and `present`, c is the FieldContext.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/program.h"

namespace knotcheck::model {

// What the value of a field names, so that canonical form can give it another name.
enum Names : uint8_t {
  kPlain,        // nothing
  kId,           // a notification id; 0: none
  kNextId,       // the id that is given out next: above all others
  kTask,         // a task
  kTaskPlusOne,  // ... one more, 0 being none
  kTable,        // a descriptor table
  kObject,       // an object of the proposal; its own code gives it another number
};

// Which other threads can meet at a field, and by what right.
enum class Resource : uint8_t {
  kOwn,               // none: its task's own
  kGuarded,           // its task's, or of whoever holds notify_lock
  kUnchecked,         // ghost state, or an object whose owner is whoever points to it
  kLife,              // whether its task lives, and in which address space
  kSignalsOfTask,     // signals that are pending for its task
  kQueueOfFilter,     // filter->wqh
  kCompletionOf,      // its task's completion
  kLockOfFilter,      // notify_lock
  kRequestsOfFilter,  // notif->requests
  kUsersOfFilter,     // filter->users
  kListenerFile,      // the listener's descriptor and file
  kChainsOfGroup,     // which filters are above the scenario's, and in which order
  kTableOfFiles,      // a descriptor table
  kUserMemory,
  kAllocationsLeft,
  kBudgetOfThread,  // how much a sender or a writer has left: its own
};

// One field of the state.
struct Field {
  std::string name;     // as in "T.knotif.state"
  uint32_t offset = 0;  // its byte
  uint8_t mask = 0xff;  // the bits in use
  Names names = kPlain;
  Resource resource = Resource::kOwn;
  int8_t owner = -1;  // the task (or descriptor table) whose it is; -1: none
};

// What the rows of a struct are about: its program, and its task if it is a task's.
struct FieldContext {
  const Program& program;
  bool verbs;  // the proposal has ioctls of its own
  size_t tasks;
  size_t tables;  // descriptor tables
  int8_t owner = -1;
  const TaskInfo& info;
  bool supervisor = false;
  bool traps = true;  // of a filter: it is the one that the scenario begins with

  static uint8_t Bits(int bits) { return static_cast<uint8_t>((1u << bits) - 1); }
  // Of a number up to `largest`.
  static uint8_t UpTo(size_t largest) { return Bits(std::bit_width(largest)); }
  static bool Each() { return true; }
  uint8_t Id() const { return UpTo(program.max_id + 1u); }
  uint8_t IfTarget(int mask) const { return static_cast<uint8_t>(supervisor ? 0 : mask); }
  uint8_t IfSupervisor(int mask) const { return static_cast<uint8_t>(supervisor ? mask : 0); }
  uint8_t IfTrapping(int mask) const { return static_cast<uint8_t>(traps ? mask : 0); }
  uint8_t IfInstalled(int mask) const { return static_cast<uint8_t>(traps ? 0 : mask); }
  uint8_t File() const { return program.installs == 0 ? kMaxFile : kMaxListener; }
  uint8_t IfVerbs(int mask) const { return static_cast<uint8_t>(verbs ? mask : 0); }
};

// Fields in the order of their bytes. One without a bit in use is not there.
class FieldList {
 public:
  void Add(const FieldContext& c, std::string name, size_t offset, int mask, Names names,
           Resource resource) {
    if (mask == 0) return;
    fields_.push_back(Field{std::move(name), static_cast<uint32_t>(offset),
                            static_cast<uint8_t>(mask), names, resource, c.owner});
  }
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

}  // namespace knotcheck::model
