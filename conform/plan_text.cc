// SPDX-License-Identifier: Apache-2.0
//
// Words of plans that others print, too.

#include <string>

#include "absl/strings/str_cat.h"
#include "conform/force/observed.h"
#include "conform/plan.h"

namespace knotcheck::conform {

using model::Program;

namespace {

std::string AddressWord(int object, int words) {
  return absl::StrCat("&", object, words > 0 ? absl::StrCat("+", 8 * words) : "");
}

}  // namespace

// An address leads to the object of the address space in which it is used. One that all share is
// the first one's.
std::string ValueWord(const Program& program, model::Value value, uint8_t space) {
  const model::ValueInfo& info = program.values[value];
  space = SpaceInPlan(program, space);
  const int leads_to = info.object >= 0 ? program.ObjectAt(value, 0) : info.end_of;
  if (leads_to >= 0) {
    const int first = program.objects[static_cast<size_t>(leads_to)].first_word;
    if (program.words[static_cast<size_t>(first)].in_all_spaces) space = 0;
  }
  if (info.object >= 0) {
    const model::Object& object =
        program.objects[static_cast<size_t>(program.ObjectAt(value, space))];
    return AddressWord(object.whole, object.offset);
  }
  if (info.end_of >= 0) {
    const int whole = info.end_of + space * program.objects_of_space;
    return AddressWord(whole, program.objects[static_cast<size_t>(whole)].words);
  }
  if (info.unmapped) return "unmapped";
  if (info.pointer) return "dangling";
  std::string hex;
  for (auto byte = info.bytes.rbegin(); byte != info.bytes.rend(); ++byte) {
    absl::StrAppend(&hex, absl::Hex(*byte, absl::kZeroPad2));
  }
  return hex;
}

std::string OrderText(const Program& program, const Order& order, bool names) {
  const std::string task =
      names ? program.tasks[order.task].name : absl::StrCat(static_cast<int>(order.task));
  switch (order.kind) {
    case Order::Kind::kStart: {
      std::string text = absl::StrCat("start ", task, " ", CallName(order.call));
      if (order.park) {
        absl::StrAppend(&text, " park");
      } else if (order.fault) {
        absl::StrAppend(&text, " fault");
      }
      if (order.hold_object >= 0) {
        absl::StrAppend(&text, " hold ", static_cast<int>(order.hold_object));
      }
      return text;
    }
    case Order::Kind::kWaitDone:
      return absl::StrCat("wait ", task, " done");
    case Order::Kind::kWaitAsleep:
      return absl::StrCat("wait ", task, " asleep");
    case Order::Kind::kWaitParked:
      return absl::StrCat("wait ", task, " parked");
    case Order::Kind::kWaitHandler:
      return absl::StrCat("wait ", task, " handler");
    case Order::Kind::kWaitDead:
      return absl::StrCat("wait ", task, " dead");
    case Order::Kind::kHold:
      return absl::StrCat("hold ", task);
    case Order::Kind::kResume:
      return absl::StrCat("resume ", task, order.fault ? " fault" : "");
    case Order::Kind::kSignal:
      return absl::StrCat("signal ", task, order.fatal ? " fatal" : "");
    case Order::Kind::kStore:
      return absl::StrCat("store ", WordInPlan(program, order.word), " ",
                          names
                              ? program.values[order.value].text
                              : ValueWord(program, order.value,
                                          program.objects[program.words[order.word].object].space));
  }
  return "";
}

}  // namespace knotcheck::conform
