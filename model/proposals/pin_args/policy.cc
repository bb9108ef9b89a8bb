// SPDX-License-Identifier: Apache-2.0
//
// What a supervisor does that follows a policy with PIN_ARGS v1.

#include "model/user/policy.h"

#include "model/proposals/pin_args/room.h"

namespace knotcheck::model::pin_args {

// RECV, PIN_ARGS for every argument that the policy looks at, decide by what was read back, SEND
// with CONTINUE_PINNED. What to do on EEXIST is not said anywhere: the reactions are the choices.
std::vector<Op> PolicyScript(const Reactions& reactions, std::string* error) {
  std::string on_eexist = "deny";
  for (const auto& [name, action] : reactions) {
    const bool known =
        action == "deny" || action == "read and continue" || action == "read and continue pinned";
    if (name != "EEXIST" || !known) {
      *error = "'on EEXIST: ' and one of: deny, read and continue, read and continue pinned";
      return {};
    }
    on_eexist = action;
  }
  ScriptBuilder b;
  b.Label("next");
  b.Add(OpCode::kRecv, "ioctl(RECV)");
  b.JumpIfError(kEBADF, "end");
  b.JumpIfError(0, "next");
  b.JumpIfNothing("registers");
  b.Add(OpCode::kVerb, "ioctl(PIN_ARGS)");
  b.JumpIfError(kENOENT, "next");
  b.JumpIfError(kEEXIST, "eexist");
  b.JumpIfError(0, "deny");
  b.Decide("deny");
  b.Send(kContinue | kContinuePinned, 0, "ioctl(SEND, CONTINUE|CONTINUE_PINNED)");
  b.Jump("next");
  b.Label("registers");
  b.Decide("deny");
  b.Send(kContinue, 0, "ioctl(SEND, CONTINUE)");
  b.Jump("next");
  b.Label("eexist");
  if (on_eexist != "deny") {
    b.Add(OpCode::kReadArgs, "reads the arguments");
    b.JumpIfError(0, "deny");
    b.Decide("deny");
    if (on_eexist == "read and continue") {
      b.Send(kContinue, 0, "ioctl(SEND, CONTINUE)");
    } else {
      b.Send(kContinue | kContinuePinned, 0, "ioctl(SEND, CONTINUE|CONTINUE_PINNED)");
      b.JumpIfError(kEINVAL, "deny");
    }
    b.Jump("next");
  }
  b.Label("deny");
  b.Send(0, kPolicyError, "ioctl(SEND, error)");
  b.Jump("next");
  b.Label("end");
  b.Add(OpCode::kEnd, "ends");
  return b.Finish();
}

// A look is a PIN_ARGS that succeeded. Whatever else happens, the supervisor allows what it saw
// with CONTINUE_PINNED only; a call whose arguments the policy does not look at needs no record.
std::vector<Op> GeneralPolicyScript(int targets) {
  return HonestChoices({.look = OpCode::kVerb,
                        .look_text = "ioctl(PIN_ARGS)",
                        .protect = kContinue | kContinuePinned,
                        .protect_text = "ioctl(SEND, CONTINUE|CONTINUE_PINNED)"},
                       targets);
}

}  // namespace knotcheck::model::pin_args
