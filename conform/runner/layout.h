// SPDX-License-Identifier: Apache-2.0
//
// The user memory of a plan. It is shared by all processes of a run, at the same addresses: a child
// and a peer see the same words, and the conductor can store into them as a peer can.

#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "conform/runner/plan.h"

namespace knotcheck::runner {

inline constexpr uint64_t kObjectsBase = 0x200000000000;
inline constexpr uint64_t kObjectStride = 1 << 22;
inline constexpr uint64_t kDangling = 0x1ff000000000;
inline constexpr uint64_t kPage = 4096;
// An abstract AF_UNIX address begins so; it stands in place of the first bytes of a `sockaddr`.
inline constexpr int kPrefixBytes = 3;

// Where an object begins, and the page on which it does.
uint64_t AddressOf(const Plan& plan, int object);
inline uint64_t PageOf(uint64_t address) { return address & ~(kPage - 1); }

// What a value is in a register or in a word that is not a sockaddr's first.
uint64_t ValueOf(const Plan& plan, const Value& value);

// How many bytes are mapped for an object, from its first page.
uint64_t MappedBytes(const Plan& plan, int object);

// Maps all objects and gives them their first values; `files` has the file that an object is a
// mapping of, by its number. False if the kernel refuses.
bool MapObjects(const Plan& plan, const std::map<int, int>& files);

// Maps what an executed program has, by its path below the root. False if the kernel refuses.
bool MapImage(const Plan& plan, const std::string& path);

// Gives all words their first values again.
void ResetObjects(const Plan& plan);

// Stores a value into a word, as one access.
void Store(const Plan& plan, int word, const Value& value);

// The object that holds the byte at an address, or -1.
int ObjectAt(const Plan& plan, uint64_t address);

// In bytes read from a sockaddr: what the plan has in place of the address family's bytes. Null if
// they do not begin so; else three bytes.
const char* PutBack(const Plan& plan, int object, const char* bytes, uint64_t size);

}  // namespace knotcheck::runner
