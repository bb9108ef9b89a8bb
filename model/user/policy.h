// SPDX-License-Identifier: Apache-2.0
//
// How a proposal's room writes down its canonical protocol: what an honest supervisor does for
// each notification, as a script with labels.

#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "model/program.h"

namespace knotcheck::model {

// "on EEXIST: deny" as {"EEXIST", "deny"}.
using Reactions = std::vector<std::pair<std::string, std::string>>;

// SEND's error is the one that the policy's rule names.
inline constexpr int16_t kPolicyError = -1;

class ScriptBuilder {
 public:
  void Label(const std::string& name) { labels_[name] = static_cast<uint8_t>(ops_.size()); }
  Op& Add(OpCode code, const std::string& text) {
    Op op;
    op.code = code;
    op.text = text;
    ops_.push_back(op);
    return ops_.back();
  }
  void Jump(const std::string& label) { Goto(OpCode::kJump, label); }
  // error 0: any error.
  void JumpIfError(int error, const std::string& label) {
    Goto(OpCode::kJumpIfError, label);
    ops_.back().error = static_cast<int16_t>(error);
  }
  // When there is nothing to protect: the policy decides by the call's number alone.
  void JumpIfNothing(const std::string& label) { Goto(OpCode::kJumpIfNothing, label); }
  // Falls through when the policy allows, else goes to the label.
  void Decide(const std::string& label) { Goto(OpCode::kDecide, label); }
  void Send(uint16_t flags, int16_t error, const std::string& text) {
    Op& op = Add(OpCode::kSend, text);
    op.flags = flags;
    op.error = error;
  }
  std::vector<Op> Finish() {
    for (const auto& [index, label] : jumps_) {
      KNOT_CHECK(labels_.count(label) == 1);
      ops_[index].target = labels_[label];
    }
    return std::move(ops_);
  }

 private:
  void Goto(OpCode code, const std::string& label) {
    jumps_.emplace_back(ops_.size(), label);
    Add(code, label);
  }

  std::vector<Op> ops_;
  std::map<std::string, uint8_t> labels_;
  std::vector<std::pair<size_t, std::string>> jumps_;
};

// How an honest supervisor of a proposal looks at the arguments of a call, and how it allows it.
struct HonestLook {
  OpCode look = OpCode::kReadArgs;
  std::string look_text = {};
  // SEND's flags, for a call of which the policy protects something, and for others.
  uint16_t protect = 1;
  std::string protect_text = {};
};

// A supervisor that follows the policy and is free otherwise: at any time it receives, or does to
// any notification that it has received any of what it may. It allows by what its looks showed.
inline std::vector<Op> HonestChoices(const HonestLook& honest, int targets) {
  std::vector<Op> ops(1);
  ops[0].code = OpCode::kChoose;
  ops[0].free = true;
  const auto add = [&ops](OpCode code, int listed, const std::string& text) -> Op& {
    Op op;
    op.code = code;
    op.free = true;
    op.honest = true;
    op.joins = true;
    op.listed = static_cast<uint8_t>(listed);
    op.text = listed == 0 ? text : text + " of #" + std::to_string(listed);
    ops[0].alternatives.push_back(static_cast<uint8_t>(ops.size()));
    ops.push_back(op);
    return ops.back();
  };
  add(OpCode::kRecv, 0, "ioctl(RECV)").options = kBufFaults;
  for (int n = 1; n <= targets; ++n) {
    add(honest.look, n, honest.look_text).options = kBufFaults;
    add(OpCode::kIdValid, n, "ioctl(ID_VALID)");
    Op& plain = add(OpCode::kSend, n, "ioctl(SEND, CONTINUE)");
    plain.flags = 1;
    plain.by_policy = true;
    if (honest.protect != 1) {
      Op& protect = add(OpCode::kSend, n, honest.protect_text);
      protect.flags = honest.protect;
      protect.by_policy = true;
    }
    add(OpCode::kSend, n, "ioctl(SEND, error)").error = kPolicyError;
    add(OpCode::kSend, n, "ioctl(SEND, value 3)").val = 3;
    add(OpCode::kAddfd, n, "ioctl(ADDFD, SEND)").options = kAddfdSend;
  }
  return ops;
}

}  // namespace knotcheck::model
