// SPDX-License-Identifier: Apache-2.0
//
// What PIN_ARGS v1 promises.

#include "model/property.h"
#include "model/proposals/pin_args/room.h"

namespace knotcheck::model::pin_args {

namespace {

constexpr char kCommit[] = "PIN_ARGS v1 1/3, commit message";
constexpr char kDocument[] = "PIN_ARGS v1 3/3, seccomp_filter.rst, \"Pinned arguments\"";

KNOT_REGISTER_PROPERTY(
    single_shot,
    {.name = "single-shot",
     .sentence = "a record serves the call of the notification that it was made for, and no other",
     .source = std::string(kDocument) +
               ": \"Subsequent traps require a fresh PIN_ARGS for the new notification id\"",
     .broken_by = Bit(kForeign),
     .witness = Bit(kConsumed),
     .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(
    dies_with_call,
    {.name = "dies-with-call",
     .sentence = "no record is attached to a task that has returned to user mode",
     .source =
         "PIN_ARGS v1 1/3, struct seccomp: \"NULL except during a PIN_ARGS window ... freed at "
         "syscall exit, listener release, or task exit\"",
     .broken_by = Bit(kSurvives),
     .witness = Bit(kReturnedAfterPin),
     .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(
    fresh_pin, {.name = "fresh-pin",
                .sentence = "PIN_ARGS does not say EEXIST for a notification that was never pinned",
                .source = std::string(kDocument) +
                          ": \"a fresh PIN_ARGS for the new notification id\"; 2/3, "
                          "pin_args_double_pin: \"Two PIN_ARGS calls for the same notif id\"",
                .broken_by = Bit(kFreshEexist),
                .witness = Bit(kPinAsked),
                .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(
    pin_budget,
    {.name = "pin-budget",
     .sentence = "one request pins at most 1 MiB in all",
     .source = std::string(kCommit) +
               ": \"total cumulative bytes per request are bounded at a hardcoded 1 MiB\"",
     .broken_by = Bit(kOverBudget),
     .witness = Bit(kBudgetChecked),
     .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(
    charge, {.name = "charge",
             .sentence = "the trapped task's memory cgroup pays for its record",
             .source = std::string(kCommit) +
                       ": \"tagged GFP_KERNEL_ACCOUNT so the trapped task's memcg pays the cost\"",
             .broken_by = Bit(kChargedToCaller),
             .witness = Bit(Event::kAllocated),
             .proposal = "pin_args",
             .on_request = true});

KNOT_REGISTER_PROPERTY(
    truncated_flag,
    {.name = "truncated-flag",
     .sentence = "`truncated` is set when and only when something was cut off",
     .source = std::string(kDocument) +
               ": \"if the cap was hit before the source NUL, truncated carries ...\"",
     .broken_by = Bit(kTruncatedFalse) | Bit(kTruncatedMissing),
     .witness = Bit(kPinCopied),
     .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(not_inherited,
                       {.name = "not-inherited",
                        .sentence = "a cloned task begins without a record",
                        .source = "PIN_ARGS v1 1/3, copy_seccomp(): \"Don't inherit it\"",
                        .broken_by = Bit(kInherited),
                        .witness = Bit(Event::kForked),
                        .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(
    own_image,
    {.name = "own-image",
     .sentence = "PIN_ARGS reads the memory of the program that made the call, and of no other",
     .source = std::string(kDocument) + ": \"The kernel walks the trapped task's mm\"",
     .broken_by = Bit(kOtherImage),
     .witness = Bit(kExecutedSince),
     .proposal = "pin_args"});

}  // namespace

}  // namespace knotcheck::model::pin_args
