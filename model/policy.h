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
  // Goes on at any of the labels.
  void Choose(const std::vector<std::string>& labels) {
    choices_.emplace_back(ops_.size(), labels);
    Add(OpCode::kChoose, "");
  }
  void Send(uint16_t flags, int16_t error, const std::string& text) {
    Op& op = Add(OpCode::kSend, text);
    op.flags = flags;
    op.error = error;
  }
  // Labels "deny", "value" and "addfd": what answers a call without letting it run. They go on at
  // `next`, or at `again` when no descriptor could be given.
  void AnswerInOtherWays(const std::string& again, const std::string& next) {
    Label("deny");
    Send(0, kPolicyError, "ioctl(SEND, error)");
    Jump(next);
    Label("value");
    Add(OpCode::kSend, "ioctl(SEND, value 3)").val = 3;
    Jump(next);
    Label("addfd");
    Add(OpCode::kAddfd, "ioctl(ADDFD, SEND)").options = kAddfdSend;
    JumpIfError(0, again);
    Jump(next);
  }
  std::vector<Op> Finish() {
    for (const auto& [index, label] : jumps_) {
      KNOT_CHECK(labels_.count(label) == 1);
      ops_[index].target = labels_[label];
    }
    for (const auto& [index, labels] : choices_) {
      for (const std::string& label : labels) {
        KNOT_CHECK(labels_.count(label) == 1);
        ops_[index].alternatives.push_back(labels_[label]);
      }
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
  std::vector<std::pair<size_t, std::vector<std::string>>> choices_;
};

}  // namespace knotcheck::model
