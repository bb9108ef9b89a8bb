// SPDX-License-Identifier: Apache-2.0
//
// The signature of an ioctl that a proposal adds. From it come what scenarios may write, what a
// supervisor tries that may do anything, and what plans and C programs say:
//
//   pin(n, 1: cstring 4096, 2: cstrings 64 entries 2, buf 128, null)
//
// The first argument is the notification. `fault` and `null` (the request's address faults, is
// NULL) go with every verb; the rest is the signature's.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/program.h"

namespace knotcheck::model {

// A number of the request, written as WORD NUMBER, or a flag, written as WORD.
struct VerbField {
  const char* word;
  const char* unit;  // what the number counts, for messages: "BYTES"; "": a flag, 1 where it stands
  const char* member;            // of the C structure
  uint32_t initial = 0;          // where the word does not stand
  uint32_t most = 1;             // larger numbers count as this one
  std::vector<uint32_t> others;  // what a supervisor tries beside `initial` that may do anything
  // The member that holds a user pointer to so many bytes of the supervisor's; "": none does.
  const char* buffer = "";
};

// What "INDEX: KIND BYTES" asks of an argument of the trapped call.
struct ArgumentKind {
  const char* word;
  const char* constant;  // in C
  Reads reads;
};

// The members of the C structure that hold the descriptors: their number, the array, and an
// element's.
struct DescriptorMembers {
  const char* count;
  const char* array;
  const char* arg;
  const char* kind;
  const char* bytes;
  const char* entries;
};

struct Verb {
  const char* name;
  // Index into Proposal::functions. Its first STEP is taken in one with the call, so it must have
  // one outcome only.
  uint8_t function;
  const char* ioctl;      // in C
  const char* structure;  // its argument's, whose member `id` is the notification's
  std::vector<VerbField> fields = {};
  // By the number that a Descriptor has. Empty: the request is about no argument.
  std::vector<ArgumentKind> kinds = {};
  DescriptorMembers members = {};  // where there are kinds
};

inline constexpr size_t kMaxDescriptors = 3;  // of one request

// The descriptor by which a policy asks for an argument of this shape and length; false: no kind
// serves it.
bool DescriptorFor(const Verb& verb, Shape shape, uint32_t bytes, Descriptor* descriptor);
// Gives the request's fields what they are where nothing is said.
void SetInitialFields(const Verb& verb, Op* op);

}  // namespace knotcheck::model
