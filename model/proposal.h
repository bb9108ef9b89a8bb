// SPDX-License-Identifier: Apache-2.0
//
// The one door of a proposal's room. A proposal is a folder of model/proposals/, or one file
// there, that defines a Proposal and ends with KNOT_REGISTER_PROPOSAL. Kernel functions call the
// hooks at the places where the proposal's patch changes them; a null hook is unchanged code and
// costs nothing.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/program.h"
#include "model/property.h"
#include "model/state.h"
#include "model/verb.h"

namespace knotcheck::model {

class Kernel;

// What a step of a function did; see kernel/kernel.h.
enum class Flow : uint8_t {
  kYield,    // stands before its next step
  kCall,     // pushed a frame, which runs on at once
  kReturn,   // done; the caller runs on at once
  kBlocked,  // cannot be taken now
};

struct FunctionInfo {
  const char* name;
  const char* file;
  uint8_t local_bytes;
  Flow (*run)(Kernel&);
  const char* locals;  // a character a byte, as functions.def says
};

// Where a hook stands inside a kernel function that goes on afterwards.
enum class Hook : uint8_t {
  kNotHandled,  // go on with the unchanged code
  kHandled,     // the hook did the whole work; Kernel::ret is the result
  kCalled,      // the hook pushed a frame; its result is the result
};

// A flag bit that the proposal adds to SEND: as scenarios write it, and in C.
struct SendFlag {
  const char* word;
  uint16_t bit;
  const char* constant;
};

// How a supervisor makes a call act on nothing but what it was shown: it asks with the verb, and
// answers with these flags of SEND.
struct Protection {
  int verb = -1;  // index into Proposal::verbs; -1: there is no such way
  uint16_t flags = 0;
  // Whether a reply with these flags promises that nothing is read from user memory: it has one of
  // the proposal's own, which are those above SECCOMP_USER_NOTIF_FLAG_CONTINUE.
  bool PromisedBy(uint16_t reply_flags) const { return (reply_flags & flags & ~1u) != 0; }
};

// A mutation, a fix or a revision of the proposal's own code, as users name it, and what the code
// then does.
struct ToggleName {
  std::string name;
  std::string what;
};

// Errors that the source of `says` names and that callers get from `returns`: "EINVAL ENOENT".
struct SourceErrnos {
  const char* says;
  const char* returns;
  const char* names;
};

struct Proposal {
  const char* name = "";
  const char* revision = "";  // the last one, and when it was posted
  const char* source = "";
  const char* not_covered = "";

  std::vector<FunctionInfo> functions;  // numbered from kFirstProposalFunction
  // Oldest first, for k.Has(Revision::NAME) of the room's; the last is what the plain name means.
  // None: there is one only.
  std::vector<ToggleName> revisions;
  // By the room's mutations.def, fixes.def and errnos.def, in their order.
  std::vector<ToggleName> mutations;
  std::vector<ToggleName> fixes;
  std::vector<SourceErrnos> errnos;
  // Where its own text promises a property that is not the room's: the property, and the words.
  std::vector<std::pair<std::string, std::string>> promises;
  std::vector<Verb> verbs;
  std::vector<SendFlag> send_flags;
  // What policies and generated scenarios protect calls with.
  Protection protection;
  // The supervisor's canonical protocol for a policy, as a script; see policy.h. Null: the
  // baseline's, which every kernel has.
  std::vector<Op> (*policy_script)(
      const std::vector<std::pair<std::string, std::string>>& reactions,
      std::string* error) = nullptr;
  // What supervisors may do that follow the policy and are free otherwise.
  std::vector<Op> (*general_policy_script)(int targets) = nullptr;

  // seccomp_notify_send(): checks of resp.flags after the unchanged ones; 0 or -errno.
  Ret (*send_check)(Kernel&, uint16_t flags) = nullptr;
  // ... once the notification is found in SENT, before the reply is stored; 0 or -errno.
  Ret (*send_found)(Kernel&, int target, uint16_t flags) = nullptr;
  // ... and after the reply is stored, before complete(). May push a frame.
  Hook (*send_stored)(Kernel&, int target, uint16_t flags) = nullptr;
  // seccomp_notify_detach(), for each notification that is not replied to.
  Hook (*detach)(Kernel&, int target) = nullptr;
  // seccomp_do_user_notification(), before list_del(), with the reply's flags; 0: there is none.
  Hook (*leave)(Kernel&, uint8_t flags) = nullptr;
  // do_exit(), after seccomp_filter_release().
  Hook (*exit)(Kernel&) = nullptr;
  // copy_seccomp().
  void (*copy_seccomp)(Kernel&, int child) = nullptr;
  // A queued task_work of the proposal's runs; `work` is its number (1 to 63).
  Hook (*run_task_work)(Kernel&, uint8_t work) = nullptr;
  // task_work_run() reads work->next: the memory that holds the work must still be there.
  void (*read_task_work)(Kernel&, uint8_t work) = nullptr;
  // Fetch points. They return kNotHandled when user memory is to be read.
  Hook (*getname_flags)(Kernel&, int role) = nullptr;
  Hook (*count)(Kernel&, int role) = nullptr;
  Hook (*copy_strings)(Kernel&, int role) = nullptr;
  Hook (*move_addr_to_kernel)(Kernel&, int role) = nullptr;
  Hook (*import_ubuf)(Kernel&, int role) = nullptr;
  // vfs_write() of a file with ->write, which fetches by itself: kNotHandled, or it fails.
  Hook (*vfs_write)(Kernel&, int role) = nullptr;
  // What a call has left behind reads the data that it imported; handled when there is nothing.
  Hook (*deferred)(Kernel&) = nullptr;
  // seccomp_do_user_notification() begins and ends, for ghost state.
  void (*returned_to_user)(Kernel&) = nullptr;
  // What a reply that SEND has accepted approves: a hook calls ghost::Approve() with the bytes that
  // the supervisor supplied, or staged in memory that it owns, or not at all. Null: CONTINUE
  // approves what the supervisor has seen. What it supplies by an ioctl of its own, that approves.
  void (*approve)(Kernel&, int target, const Op& reply) = nullptr;
  // After every step: raises events about the proposal's own objects.
  void (*after_step)(Kernel&) = nullptr;
  // What of the program exceeds a capacity of the proposal's part of the state, with the number
  // that it would need; empty: nothing.
  std::string (*limits)(const Program&) = nullptr;
  // How many bytes of the state are the proposal's: of each task, and beside these.
  void (*state_bytes)(const Program&, size_t* task_bytes, size_t* bytes) = nullptr;
  // Adds their fields, which begin at byte `at` of the state: those of one task, those beside.
  void (*list_task_fields)(const FieldContext&, const std::string& prefix, size_t at,
                           FieldList&) = nullptr;
  void (*list_fields)(const FieldContext&, size_t at, FieldList&) = nullptr;
  // Its code writes registers, so that they are part of the state.
  bool writes_registers = false;
  // For model/canonical.h: the proposal's objects numbered anew in the order in which the tasks
  // lead to them.
  void (*renumber)(const Program&, State*) = nullptr;
};

inline constexpr int kFirstProposalFunction = 48;
inline constexpr int kMaxFunctions = 64;  // numbers of a frame's function

// Where a property is promised: its source, then the proposal's words.
std::string SourceOf(const PropertyInfo& property, const Proposal& proposal);

// The baseline first, the others by name.
const std::vector<const Proposal*>& AllProposals();
const Proposal* FindProposal(const std::string& name);  // nullptr: there is none
// What is missing in a proposal, or contradicts itself or one of the others; "": nothing.
std::string ProposalError(const Proposal& proposal, const std::vector<const Proposal*>& others);
// Ends the program with a message where there is an error.
int RegisterProposal(const Proposal* proposal);

}  // namespace knotcheck::model

#define KNOT_REGISTER_PROPOSAL(id, proposal)             \
  [[maybe_unused]] static const int knot_proposal_##id = \
      ::knotcheck::model::RegisterProposal(&(proposal))
