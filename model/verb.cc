// SPDX-License-Identifier: Apache-2.0

#include "model/verb.h"

#include <algorithm>
#include <optional>

namespace knotcheck::model {
namespace {

// How much a policy asks for of what ends by itself: a page.
constexpr uint32_t kAmple = 4096;

std::optional<Reads> ReadsOf(Shape shape) {
  switch (shape) {
    case Shape::kPath:
    case Shape::kString:
      return Reads::kString;
    case Shape::kSockaddr:
    case Shape::kBuffer:
      return Reads::kBytes;
    case Shape::kStrings:
      return Reads::kStrings;
    case Shape::kOutBuffer:
      break;
  }
  return std::nullopt;
}

}  // namespace

bool DescriptorFor(const Verb& verb, Shape shape, uint32_t bytes, Descriptor* descriptor) {
  const auto reads = ReadsOf(shape);
  const auto kind =
      std::find_if(verb.kinds.begin(), verb.kinds.end(),
                   [&reads](const ArgumentKind& one) { return reads && one.reads == *reads; });
  if (kind == verb.kinds.end()) return false;
  descriptor->kind = static_cast<int16_t>(kind - verb.kinds.begin());
  descriptor->reads = *reads;
  descriptor->max_bytes = *reads == Reads::kBytes ? bytes : kAmple;
  return true;
}

void SetInitialFields(const Verb& verb, Op* op) {
  for (size_t i = 0; i < verb.fields.size(); ++i) op->fields[i] = verb.fields[i].initial;
}

}  // namespace knotcheck::model
