// SPDX-License-Identifier: Apache-2.0
//
// What the kernel acts on, against what the supervisor approved.

#include "model/property.h"

namespace knotcheck::model {
namespace {

KNOT_REGISTER_PROPERTY(toctou,
                       {.name = "toctou",
                        .sentence = "the kernel acts on the bytes that the supervisor approved",
                        .source = "seccomp_unotify(2), NOTES, names the race",
                        .broken_by = Bit(Event::kFetchMismatch),
                        .witness = Bit(Event::kFetch)});

KNOT_REGISTER_PROPERTY(
    fail_closed,
    {.name = "fail-closed",
     .sentence =
         "a call whose SEND accepted 'protected' never reads its arguments from user memory",
     .source = "what a proposal's protected answer means",
     .broken_by = Bit(Event::kFetchUnprotected),
     .witness = Bit(Event::kFetchProtected),
     .needs_proposal = true});

KNOT_REGISTER_PROPERTY(
    looked_first,
    {.name = "looked-first",
     .sentence = "a supervisor that says CONTINUE has seen something of the call's memory",
     .source = "seccomp_unotify(2), NOTES: what CONTINUE must not be used for; without a look it "
               "approves no memory, and toctou has nothing to say",
     .broken_by = Bit(Event::kContinueBlind),
     .witness = Bit(Event::kContinueMemory),
     .on_request = true,
     .only_asked = true});

KNOT_REGISTER_PROPERTY(
    fd_identity,
    {.name = "fd-identity",
     .sentence = "an approved call's descriptor names the file that it named when it was approved",
     .source = "no document promises it; registers are safe, the objects behind them are not",
     .broken_by = Bit(Event::kFdOther),
     .witness = Bit(Event::kFdUsed),
     .on_request = true});

KNOT_REGISTER_PROPERTY(
    read_data,
    {.name = "read-data",
     .sentence = "the data that read(2) counts in its return value is in the caller's buffer",
     .source = "read(2), DESCRIPTION",
     .broken_by = Bit(Event::kReadMissed),
     .witness = Bit(Event::kReadBody)});

}  // namespace
}  // namespace knotcheck::model
