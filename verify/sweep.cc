// SPDX-License-Identifier: Apache-2.0

#include "verify/sweep.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace knotcheck::verify {
namespace {

using model::Nr;
using model::Pass;
using model::Role;
using model::Shape;

// Of seven letters, so that a string and its NUL are as long as a buffer. What is approved of
// further arguments at the same address differs: this here, that there.
constexpr char kApproved[] = "app/yes";
constexpr const char* kAlsoApproved[] = {"app/one", "app/two"};
constexpr char kMutated[] = "bad/not";
constexpr int kLength = 8;

bool Has(const Role& role, Pass pass) {
  return std::find(role.passes.begin(), role.passes.end(), pass) != role.passes.end();
}

// Builds the scenario of one case.
class Text {
 public:
  Text(const model::Proposal& proposal, Nr nr, size_t role, Relation relation)
      : proposal_(proposal),
        call_(SyscallOf(nr)),
        nr_(nr),
        role_(role),
        relation_(relation),
        tested_(call_.roles[role]) {}

  // Whether the relation says anything about this argument.
  bool Applies() const {
    const bool baseline = !Protects();
    const bool out = tested_.shape == Shape::kOutBuffer;
    const bool scalar = tested_.shape != Shape::kStrings && !Nests(role_);
    switch (relation_) {
      case Relation::kDistinct:
        // Without a proposal nothing is read of a result's buffer.
        return !(out && baseline);
      case Relation::kEqual:
        return tested_.parent < 0 && scalar && !out && Sharers().size() > 1;
      case Relation::kRedirected:
        return tested_.shape == Shape::kStrings || (tested_.parent >= 0 && scalar);
      case Relation::kEmptyPath:
        return Has(tested_, Pass::kPeekEmpty);
      case Relation::kLegacyFile:
        return nr_ == Nr::kWrite;
      case Relation::kShort:
        return tested_.parent < 0 && !tested_.IsString() && tested_.length_arg >= 0 && !out &&
               scalar;
      case Relation::kNull:
        return !baseline && tested_.parent < 0 && Offered() &&
               (Has(tested_, Pass::kGetname) || Has(tested_, Pass::kSockaddr) ||
                Has(tested_, Pass::kImport));
      case Relation::kDangling:
        return !baseline && tested_.parent < 0 && scalar && !out;
    }
    return false;
  }

  bool Offered() const {
    model::Descriptor descriptor;
    return tested_.parent < 0 && Protects() &&
           DescriptorFor(Protecting(), tested_.shape, kLength, &descriptor);
  }

  std::string Scenario(const std::string& name) {
    std::string memory;
    for (size_t r = 0; r < call_.roles.size(); ++r) absl::StrAppend(&memory, Memory(r));
    const bool script = Scripted();
    return absl::StrCat("# name:     ", name, "\n# question: Does ", call_.name, "() act on the ",
                        tested_.name, " that the supervisor approved (", RelationName(relation_),
                        ")?\n# source:   ", tested_.source, "\n# result:   ", proposal_.name,
                        "=?\n\n", memory, script ? absl::StrCat("filter ", call_.name, "\n") : "",
                        "target T { ", Call(), " }\n",
                        "peer P shares memory with T\nsupervisor S { ",
                        script ? Script() : Policy(), " }\n\nnever ", Asked(), "\n");
  }

 private:
  // Whether the proposal has a way to protect arguments.
  bool Protects() const { return proposal_.protection.verb >= 0; }
  const model::Verb& Protecting() const {
    return proposal_.verbs[static_cast<size_t>(proposal_.protection.verb)];
  }
  // Its flags of SEND, beside CONTINUE.
  std::string ProtectingFlags() const {
    std::string words;
    for (const model::SendFlag& flag : proposal_.send_flags) {
      if (proposal_.protection.flags & flag.bit) absl::StrAppend(&words, " ", flag.word);
    }
    return words;
  }
  bool Nests(size_t role) const {
    return std::any_of(call_.roles.begin(), call_.roles.end(),
                       [role](const Role& r) { return r.parent == static_cast<int>(role); });
  }
  // Registers that can hold the address of the same bytes.
  std::vector<size_t> Sharers() const {
    // As many as one policy may look at.
    constexpr size_t kMost = 3;
    std::vector<size_t> sharers = {role_};
    for (size_t r = 0; r < call_.roles.size() && sharers.size() < kMost; ++r) {
      const Role& role = call_.roles[r];
      if (r != role_ && role.parent < 0 && role.shape != Shape::kStrings && !Nests(r) &&
          role.shape != Shape::kOutBuffer) {
        sharers.push_back(r);
      }
    }
    return sharers;
  }
  // What the policy wants to see of an argument.
  const char* Approved(size_t role) const {
    if (relation_ != Relation::kEqual) return kApproved;
    const auto sharers = Sharers();
    const auto at = std::find(sharers.begin(), sharers.end(), role) - sharers.begin();
    return at == 0 || at == static_cast<long>(sharers.size()) ? kApproved : kAlsoApproved[at - 1];
  }
  bool Shares(size_t role) const {
    const auto sharers = Sharers();
    return relation_ == Relation::kEqual &&
           std::find(sharers.begin(), sharers.end(), role) != sharers.end();
  }
  // A policy asks for what it looks at. What it cannot ask for, or should not be able to, takes a
  // script.
  bool Scripted() const {
    // What holds pointers cannot be compared with a value: it is looked at, whatever it is.
    if (Nests(role_)) return true;
    if (!Protects()) return false;
    return !Offered() || relation_ == Relation::kNull || relation_ == Relation::kDangling;
  }
  std::string Asked() const {
    if (relation_ == Relation::kNull || relation_ == Relation::kDangling) return "bad-address";
    return tested_.shape == Shape::kOutBuffer ? "read-data" : "toctou";
  }

  std::string Alternatives(size_t r) const {
    const Role& role = call_.roles[r];
    const bool string = role.IsString();
    const bool changes = r == role_ && relation_ != Relation::kRedirected;
    const char* const end = string ? "" : "\\x00";
    std::string text = absl::StrCat(string ? "\"" : "bytes \"", kApproved, end, "\"");
    if (changes) {
      for (const size_t other : Sharers()) {
        if (relation_ != Relation::kEqual || other == role_) continue;
        absl::StrAppend(&text, " | \"", Approved(other), end, "\"");
      }
      absl::StrAppend(&text, " | \"", kMutated, end, "\"");
      if (relation_ == Relation::kEmptyPath) absl::StrAppend(&text, " | \"\"");
    }
    return text;
  }

  std::string Memory(size_t r) const {
    const Role& role = call_.roles[r];
    if (Shares(r))
      return r == role_ ? absl::StrCat("memory ", role.name, " = ", Alternatives(r), "\n") : "";
    if (role.shape == Shape::kStrings) {
      const bool shrinks = r == role_ && relation_ == Relation::kRedirected;
      const bool changes = r == role_ && !shrinks;
      return absl::StrCat("memory ", role.name, "_0 = \"a1\"", changes ? " | \"b2\"" : "",
                          "\nmemory ", role.name, " = [", role.name, "_0, ",
                          shrinks ? absl::StrCat(role.name, "_0 | NULL, ") : "", "NULL]\n");
    }
    if (!Nests(r)) {
      std::string text = absl::StrCat("memory ", role.name, " = ", Alternatives(r), "\n");
      if (r == role_ && relation_ == Relation::kRedirected) {
        absl::StrAppend(&text, "memory elsewhere = ",
                        role.IsString() ? absl::StrCat("\"", kMutated, "\"")
                                        : absl::StrCat("bytes \"", kMutated, "\\x00\""),
                        "\n");
      }
      return text;
    }
    // By the words that the pointers stand in, which need not be the order in which they are used.
    std::map<uint8_t, std::string> words;
    for (size_t c = 0; c < call_.roles.size(); ++c) {
      if (call_.roles[c].parent != static_cast<int>(r)) continue;
      const bool redirected = c == role_ && relation_ == Relation::kRedirected;
      // A struct that holds nothing but pointers: to replace one is to change it.
      words[call_.roles[c].word] = absl::StrCat(
          call_.roles[c].name, redirected ? " | elsewhere" : "", r == role_ ? " | NULL" : "");
    }
    return absl::StrCat("memory ", role.name, " = [",
                        absl::StrJoin(words, ", ",
                                      [](std::string* text, const auto& word) {
                                        absl::StrAppend(text, word.second);
                                      }),
                        "]\n");
  }

  std::string Argument(int i) const {
    for (size_t r = 0; r < call_.roles.size(); ++r) {
      const Role& role = call_.roles[r];
      if (role.parent >= 0 || role.arg != i) continue;
      if (r == role_ && relation_ == Relation::kNull) return "NULL";
      if (r == role_ && relation_ == Relation::kDangling) return "dangling";
      return Shares(r) ? tested_.name : role.name;
    }
    for (size_t r = 0; r < call_.roles.size(); ++r) {
      const Role& role = call_.roles[r];
      if (role.length_arg != i) continue;
      if (Nests(r)) return absl::StrCat(PointerBytes(r));
      if (role.IsString()) return relation_ == Relation::kEmptyPath ? "AT_EMPTY_PATH" : "0";
      return absl::StrCat(relation_ == Relation::kShort ? 2 * kLength : kLength);
    }
    if (nr_ == Nr::kBind) return "sock";
    if (nr_ == Nr::kWrite || nr_ == Nr::kRead) {
      return relation_ == Relation::kLegacyFile ? "legacy" : "file";
    }
    // Where the path begins, which execveat() asks before it reads more.
    if (model::IsExec(nr_)) return "AT_FDCWD";
    return "0";
  }
  std::string Call() const {
    std::vector<std::string> args;
    for (int i = 0; i < call_.args; ++i) args.push_back(Argument(i));
    return absl::StrCat(call_.name, "(", absl::StrJoin(args, ", "), ")",
                        relation_ != Relation::kNull ? ""
                        : Has(tested_, Pass::kIfNotNull) || Has(tested_, Pass::kIfNamed)
                            ? " == 0"
                            : " == EFAULT");
  }

  std::string Policy() const {
    std::vector<std::string> conditions;
    for (size_t r = 0; r < call_.roles.size(); ++r) {
      const Role& role = call_.roles[r];
      if (r != role_ && !Shares(r)) continue;
      if (Nests(r)) continue;
      conditions.push_back(role.shape == Shape::kStrings
                               ? absl::StrCat(role.name, relation_ == Relation::kRedirected
                                                             ? " == [\"a1\", \"a1\"]"
                                                             : " == [\"a1\"]")
                               : absl::StrCat(role.name, " == \"", Approved(r), "\""));
    }
    return absl::StrCat("policy: allow ", call_.name, " if ", absl::StrJoin(conditions, " and "),
                        ", else EACCES");
  }

  // Asks for the register that leads to the argument, looks at the rest, and continues.
  std::string Script() const {
    if (!Protects()) return "n = recv(); read(n); send(n, continue)";
    size_t top = role_;
    while (call_.roles[top].parent >= 0) top = static_cast<size_t>(call_.roles[top].parent);
    const Role& role = call_.roles[top];
    const model::Verb& verb = Protecting();
    model::Descriptor descriptor;
    const Shape shape = role.shape == Shape::kOutBuffer ? Shape::kBuffer : role.shape;
    static_cast<void>(DescriptorFor(verb, shape, kLength, &descriptor));
    const uint32_t bytes = Nests(top) ? PointerBytes(top) : descriptor.max_bytes;
    return absl::StrCat(
        "n = recv(); ", verb.name, "(n, ", static_cast<int>(role.arg), ": ",
        verb.kinds[static_cast<size_t>(descriptor.kind)].word, " ", bytes,
        tested_.parent >= 0 || Nests(top) ? "); read(n); send(n, continue" : "); send(n, continue",
        ProtectingFlags(), ")");
  }
  uint32_t PointerBytes(size_t r) const {
    return 8 * static_cast<uint32_t>(std::count_if(
                   call_.roles.begin(), call_.roles.end(),
                   [r](const Role& role) { return role.parent == static_cast<int>(r); }));
  }

  const model::Proposal& proposal_;
  const model::Syscall& call_;
  const Nr nr_;
  const size_t role_;
  const Relation relation_;
  const Role& tested_;
};

bool Violates(const Answer& answer, const char* property) {
  return std::any_of(answer.properties.begin(), answer.properties.end(),
                     [property](const PropertyVerdict& v) {
                       return v.info.name == property && v.status == checker::Status::kViolated;
                     });
}

bool Witnessed(const Answer& answer, const char* property) {
  return std::any_of(
      answer.properties.begin(), answer.properties.end(),
      [property](const PropertyVerdict& v) { return v.info.name == property && v.witnesses > 0; });
}

}  // namespace

const char* RelationName(Relation relation) {
  switch (relation) {
    case Relation::kDistinct:
      return "alone";
    case Relation::kEqual:
      return "same address as another";
    case Relation::kRedirected:
      return "pointer to it replaced";
    case Relation::kEmptyPath:
      return "AT_EMPTY_PATH";
    case Relation::kLegacyFile:
      return "driver with ->write";
    case Relation::kShort:
      return "mapping ends early";
    case Relation::kNull:
      return "NULL";
    case Relation::kDangling:
      return "dangling";
  }
  return "";
}

const char* ProtectionName(Protection protection) {
  switch (protection) {
    case Protection::kProtected:
      return "protected";
    case Protection::kRefused:
      return "refused";
    case Protection::kUnprotected:
      return "unprotected";
    case Protection::kNotOffered:
      return "not offered";
    case Protection::kChanged:
      return "changed in meaning";
    case Protection::kUnchanged:
      return "as without";
    case Protection::kIncomplete:
      return "incomplete";
  }
  return "";
}

std::vector<SweepCase> SweepCases(const model::Proposal& proposal) {
  std::vector<SweepCase> cases;
  for (size_t nr = 0; nr < model::kCalls; ++nr) {
    const model::Syscall& call = SyscallOf(static_cast<Nr>(nr));
    for (size_t r = 0; r < call.roles.size(); ++r) {
      for (int relation = 0; relation <= static_cast<int>(Relation::kDangling); ++relation) {
        Text text(proposal, static_cast<Nr>(nr), r, static_cast<Relation>(relation));
        if (!text.Applies()) continue;
        SweepCase sweep;
        sweep.call = call.name;
        sweep.argument = call.roles[r].name;
        sweep.relation = static_cast<Relation>(relation);
        sweep.offered = text.Offered();
        static constexpr const char* kSuffixes[] = {
            "", "_equal", "_redirected", "_empty", "_legacy", "_short", "_null", "_dangling"};
        sweep.name = absl::StrCat("sweep/", call.name, "_", sweep.argument, kSuffixes[relation]);
        sweep.text = text.Scenario(sweep.name);
        cases.push_back(sweep);
      }
    }
  }
  return cases;
}

Protection Judge(const SweepCase& sweep, const Answer& answer, std::string* property) {
  property->clear();
  if (Violates(answer, "toctou")) {
    *property = "toctou";
    // The policy asked for what can be asked for, and SEND said yes.
    return sweep.offered ? Protection::kUnprotected : Protection::kNotOffered;
  }
  for (const char* changed :
       {"bad-address", "no-uninitialised-read", "read-data", "expectation", "no-use-after-free"}) {
    if (!Violates(answer, changed)) continue;
    *property = changed;
    return Protection::kChanged;
  }
  if (!answer.complete()) return Protection::kIncomplete;
  const bool reached = Witnessed(answer, "toctou") || Witnessed(answer, "expectation") ||
                       Witnessed(answer, "read-data");
  if (!reached) return Protection::kRefused;
  // Nothing is there that could be served, and nothing was.
  const bool nothing = sweep.relation == Relation::kNull || sweep.relation == Relation::kDangling;
  return nothing ? Protection::kUnchanged : Protection::kProtected;
}

}  // namespace knotcheck::verify
