// SPDX-License-Identifier: Apache-2.0
//
// Lifetimes and contents of kernel memory.

#include "model/property.h"

namespace knotcheck::model {
namespace {

constexpr char kKernelRules[] = "Documentation/dev-tools/kasan.rst, kmsan.rst, kmemleak.rst";

KNOT_REGISTER_PROPERTY(no_leak, {.name = "no-leak",
                                 .sentence = "every object that the kernel allocates is freed",
                                 .source = kKernelRules,
                                 .broken_by = Bit(Event::kLeak),
                                 .witness = Bit(Event::kAllocated),
                                 .needs_proposal = true});

KNOT_REGISTER_PROPERTY(no_double_free, {.name = "no-double-free",
                                        .sentence = "no kernel object is freed twice",
                                        .source = kKernelRules,
                                        .broken_by = Bit(Event::kDoubleFree),
                                        .witness = Bit(Event::kFreed),
                                        .needs_proposal = true});

KNOT_REGISTER_PROPERTY(no_use_after_free, {.name = "no-use-after-free",
                                           .sentence = "no freed kernel object is looked at",
                                           .source = kKernelRules,
                                           .broken_by = Bit(Event::kUseAfterFree),
                                           .witness = Bit(Event::kObjectUsed),
                                           .needs_proposal = true});

KNOT_REGISTER_PROPERTY(no_uninitialised_read,
                       {.name = "no-uninitialised-read",
                        .sentence = "the kernel does not act on bytes that nobody wrote",
                        .source = kKernelRules,
                        .broken_by = Bit(Event::kUninitialisedUse),
                        .witness = Bit(Event::kKernelCopy)});

KNOT_REGISTER_PROPERTY(no_information_leak,
                       {.name = "no-information-leak",
                        .sentence = "no bytes that nobody wrote reach user space",
                        .source = "Documentation/dev-tools/kmsan.rst",
                        .broken_by = Bit(Event::kUninitialisedOut),
                        .witness = Bit(Event::kCopyOut),
                        .needs_proposal = true});

}  // namespace
}  // namespace knotcheck::model
