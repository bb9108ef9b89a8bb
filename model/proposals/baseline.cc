// SPDX-License-Identifier: Apache-2.0
//
// What kernels do today: nothing is changed. Its policy's canonical protocol is the one of
// seccomp_unotify(2): RECV, read the target's memory, ID_VALID, decide, SEND.

#include "model/proposal.h"
#include "model/user/policy.h"

namespace knotcheck::model {
namespace {

std::vector<Op> PolicyScript(const Reactions& reactions, std::string* error) {
  if (!reactions.empty()) {
    *error = "no reactions: nothing that the baseline's ioctls return needs one";
    return {};
  }
  ScriptBuilder b;
  b.Label("next");
  b.Add(OpCode::kRecv, "ioctl(RECV)");
  b.JumpIfError(kEBADF, "end");
  b.JumpIfError(0, "next");
  b.Add(OpCode::kReadArgs, "reads the arguments");
  b.JumpIfError(0, "deny");
  b.Add(OpCode::kIdValid, "ioctl(ID_VALID)");
  b.JumpIfError(0, "next");
  b.Decide("deny");
  b.Send(1, 0, "ioctl(SEND, CONTINUE)");
  b.Jump("next");
  b.Label("deny");
  b.Send(0, kPolicyError, "ioctl(SEND, error)");
  b.Jump("next");
  b.Label("end");
  b.Add(OpCode::kEnd, "ends");
  return b.Finish();
}

// It may look again, ask, answer or leave it, in any order and with several notifications at once.
std::vector<Op> GeneralPolicyScript(int targets) {
  return HonestChoices({.look_text = "reads the arguments"}, targets);
}

const Proposal kBaseline = [] {
  Proposal proposal;
  proposal.name = "baseline";
  proposal.revision = "6.12.117";
  proposal.source = "linux-source-6.12, kernel/seccomp.c";
  proposal.not_covered = "see docs/limits.md";
  proposal.policy_script = PolicyScript;
  proposal.general_policy_script = GeneralPolicyScript;
  return proposal;
}();

KNOT_REGISTER_PROPOSAL(baseline, kBaseline);

}  // namespace
}  // namespace knotcheck::model
