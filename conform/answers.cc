// SPDX-License-Identifier: Apache-2.0

#include "conform/answers.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/check.h"

namespace knotcheck::conform {
namespace {

using model::OpCode;
using model::Program;
using model::TaskKind;

absl::Status Bad(const std::string& line, const std::string& expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("the runner said '", absl::CHexEscape(line), "', expected ", expected));
}

bool ParseCall(absl::string_view text, uint8_t* call) {
  const bool handler = absl::ConsumePrefix(&text, "h");
  int number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < 0 || number > 0x7f) return false;
  *call = static_cast<uint8_t>(number | (handler ? 0x80 : 0));
  return true;
}

// "used=2f6f6b" into the token.
bool ParseDetail(absl::string_view text, Token* token) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (parts.first.empty() || text.find('=') == absl::string_view::npos) return false;
  std::string value(parts.second.empty() ? "-" : parts.second);
  // Which of the two limits cut a pin off is not modelled.
  if (parts.first[0] == 'c') value = value == "0" ? "0" : "1";
  token->details[std::string(parts.first)] = value;
  return true;
}

// What is seen of a run, as the model tells it.
void Normalise(const Program& program, Observed* observed) {
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    const model::TaskInfo& task = program.tasks[t];
    auto& tokens = observed->tasks[t];
    if (observed->dead[t] && !tokens.empty() && !tokens.back().returned) tokens.pop_back();
    if (task.kind != TaskKind::kSupervisor) {
      const size_t before = tokens.size();
      std::erase_if(tokens, [&](const Token& token) {
        return OpOf(program, static_cast<int>(t), token.call).code == OpCode::kEnd;
      });
      if (tokens.size() < before) observed->dead[t] = false;
    } else {
      std::erase_if(tokens, [&](const Token& token) {
        return OpOf(program, static_cast<int>(t), token.call).code == OpCode::kEnd;
      });
    }
    if (!FollowsPolicy(task)) continue;
    std::erase_if(tokens, [&task](const Token& token) {
      return task.ops[token.call].code == OpCode::kRecv && (!token.returned || token.ret < 0);
    });
  }
}

// From the order in which operations have returned, and those that have not, to that in which they
// began: a handler's stand before the one that the signal interrupted.
void ByBeginning(std::vector<Token>* tokens) {
  std::vector<Token> sorted;
  std::vector<Token> of_handler;
  for (Token& token : *tokens) {
    if ((token.call & 0x80) && token.returned) {
      of_handler.push_back(std::move(token));
      continue;
    }
    sorted.push_back(std::move(token));
    sorted.insert(sorted.end(), std::make_move_iterator(of_handler.begin()),
                  std::make_move_iterator(of_handler.end()));
    of_handler.clear();
  }
  sorted.insert(sorted.end(), of_handler.begin(), of_handler.end());
  *tokens = std::move(sorted);
}

bool HasOp(const Program& program, int task, uint8_t call) {
  if (task < 0 || task >= static_cast<int>(program.tasks.size())) return false;
  const model::TaskInfo& info = program.tasks[static_cast<size_t>(task)];
  return (call & 0x80) ? (call & 0x7fu) < info.handler.size() : call < info.ops.size();
}

}  // namespace

absl::StatusOr<Answers> ParseAnswers(const std::vector<std::string>& lines) {
  Answers answers;
  PlanAnswer* plan = nullptr;
  std::vector<SourceStep>* way = nullptr;  // that the next step belongs to
  std::string name;
  for (const std::string& line : lines) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty()) continue;
    const std::string rest = words.size() < 2 ? "" : line.substr(line.find(words[1]));
    if (words[0] == "bye") continue;
    if (words[0] == "probe") {
      if (words.size() < 3) return Bad(line, "probe KEY VALUE");
      answers.probe[words[1]] = absl::StrJoin(words.begin() + 2, words.end(), " ");
      continue;
    }
    if (words[0] == "begin") {
      if (words.size() != 2) return Bad(line, "begin PLAN");
      name = words[1];
      plan = &answers.plans[name];
      way = nullptr;
      continue;
    }
    if (plan == nullptr) return Bad(line, "begin PLAN before it");
    if (words[0] == "done") {
      PlanAnswer::Done done;
      bool good = words.size() >= 4 && absl::SimpleAtoi(words[1], &done.task) &&
                  ParseCall(words[2], &done.token.call) &&
                  absl::SimpleAtoi(words[3], &done.token.ret);
      for (size_t i = 4; i < words.size(); ++i) good = good && ParseDetail(words[i], &done.token);
      if (!good) return Bad(line, "done T I RET DETAILS");
      done.token.returned = true;
      plan->done.push_back(std::move(done));
    } else if (words[0] == "asleep") {
      int task = 0;
      uint8_t call = 0;
      if (words.size() != 3 || !absl::SimpleAtoi(words[1], &task) || !ParseCall(words[2], &call)) {
        return Bad(line, "asleep T I");
      }
      plan->asleep.emplace_back(task, call);
    } else if (words[0] == "dead") {
      int task = 0;
      if (words.size() != 2 || !absl::SimpleAtoi(words[1], &task)) return Bad(line, "dead T");
      plan->dead.push_back(task);
    } else if (words[0] == "stuck") {
      if (words.size() < 2 || !absl::SimpleAtoi(words[1], &plan->stuck)) {
        return Bad(line, "stuck N TEXT");
      }
      plan->stuck_text = rest;
    } else if (words[0] == "outcome") {
      uint64_t count = 0;
      if (words.size() < 2 || !absl::SimpleAtoi(words[1], &count)) {
        return Bad(line, "outcome COUNT TEXT");
      }
      plan->outcomes.emplace_back(count, absl::StrJoin(words.begin() + 2, words.end(), " "));
    } else if (words[0] == "searched") {
      if (words.size() != 4 || !absl::SimpleAtoi(words[1], &plan->states) ||
          !absl::SimpleAtoi(words[2], &plan->transitions) ||
          !absl::SimpleAtoi(words[3], &plan->milliseconds)) {
        return Bad(line, "searched STATES TRANSITIONS MILLISECONDS");
      }
    } else if (words[0] == "defect") {
      if (words.size() < 3) return Bad(line, "defect KIND TEXT");
      plan->defects.push_back({words[1], absl::StrJoin(words.begin() + 2, words.end(), " "), {}});
      way = &plan->defects.back().way;
    } else if (words[0] == "wanted") {
      way = &plan->wanted;
    } else if (words[0] == "way") {
      if (words.size() != 6 || way == nullptr) return Bad(line, "way THREAD I PLACE FUNCTION WHAT");
      way->push_back({words[1], words[2], words[3], words[4], words[5]});
    } else if (words[0] == "out") {
      plan->out.push_back(line.substr(std::min<size_t>(line.size(), 4)));
    } else if (words[0] == "exit") {
      if (words.size() != 2 || !absl::SimpleAtoi(words[1], &plan->exit_status) ||
          plan->exit_status < 0) {
        return Bad(line, "exit STATUS");
      }
    } else if (words[0] == "killed") {
      if (words.size() != 2 || !absl::SimpleAtoi(words[1], &plan->killed) || plan->killed <= 0) {
        return Bad(line, "killed SIGNAL");
      }
    } else if (words[0] == "end") {
      if (words.size() < 3 || words[1] != name) return Bad(line, absl::StrCat("end ", name));
      plan->ended = absl::StrJoin(words.begin() + 2, words.end(), " ");
      plan = nullptr;
    } else {
      return Bad(line, "a line of docs/plan-format.md");
    }
  }
  return answers;
}

Observed ObservedOf(const Program& program, const PlanAnswer& answer) {
  Observed observed;
  observed.tasks.resize(program.tasks.size());
  observed.dead.resize(program.tasks.size());
  for (const PlanAnswer::Done& done : answer.done) {
    if (HasOp(program, done.task, done.token.call)) {
      observed.tasks[static_cast<size_t>(done.task)].push_back(done.token);
    }
  }
  for (const auto& [task, call] : answer.asleep) {
    if (!HasOp(program, task, call)) continue;
    observed.tasks[static_cast<size_t>(task)].emplace_back().call = call;
  }
  for (auto& tokens : observed.tasks) ByBeginning(&tokens);
  for (const int task : answer.dead) {
    if (task < 0 || task >= static_cast<int>(program.tasks.size())) continue;
    const auto t = static_cast<size_t>(task);
    // At its script's end a task exits; a killed one never came to it.
    observed.dead[t] = !IsAtEnd(program.tasks[t], observed.tasks[t]);
  }
  Normalise(program, &observed);
  return observed;
}

absl::StatusOr<Observed> ParseOutcome(const Program& program, const std::string& text) {
  Observed observed;
  observed.tasks.resize(program.tasks.size());
  observed.dead.resize(program.tasks.size());
  absl::string_view rest = text;
  while (!rest.empty()) {
    const size_t open = rest.find('[');
    const size_t close = rest.find(']');
    if (open == absl::string_view::npos || close == absl::string_view::npos || close < open) {
      return Bad(text, "NAME[TOKEN ...]");
    }
    const absl::string_view name = absl::StripAsciiWhitespace(rest.substr(0, open));
    const auto at = std::find_if(program.tasks.begin(), program.tasks.end(),
                                 [name](const model::TaskInfo& t) { return t.name == name; });
    if (at == program.tasks.end()) return Bad(text, "the name of a task");
    const auto t = static_cast<size_t>(at - program.tasks.begin());
    for (const absl::string_view word :
         absl::StrSplit(rest.substr(open + 1, close - open - 1), ' ', absl::SkipEmpty())) {
      if (word == "dead") {
        observed.dead[t] = true;
        continue;
      }
      const std::vector<absl::string_view> parts = absl::StrSplit(word, ':');
      const std::pair<absl::string_view, absl::string_view> first =
          absl::StrSplit(parts[0], absl::MaxSplits('=', 1));
      Token token;
      if (!ParseCall(first.first, &token.call) ||
          !HasOp(program, static_cast<int>(t), token.call)) {
        return Bad(text, "an operation of the task");
      }
      if (first.second != "asleep") {
        token.returned = true;
        if (!absl::SimpleAtoi(first.second, &token.ret)) return Bad(text, "I=RET");
      }
      for (size_t i = 1; i < parts.size(); ++i) {
        if (!ParseDetail(parts[i], &token)) return Bad(text, "KEY=VALUE");
      }
      observed.tasks[t].push_back(std::move(token));
    }
    rest = absl::StripLeadingAsciiWhitespace(rest.substr(close + 1));
  }
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    if (IsAtEnd(program.tasks[t], observed.tasks[t])) observed.dead[t] = false;
  }
  Normalise(program, &observed);
  return observed;
}

std::string Readable(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && absl::ascii_isxdigit(static_cast<unsigned char>(text[end]))) ++end;
    const bool value =
        at > 0 && (text[at - 1] == '=' || text[at - 1] == ',') && end - at >= 2 &&
        (end - at) % 2 == 0 &&
        (end == text.size() || std::string(":, ]").find(text[end]) != std::string::npos);
    // Results are decimal: what follows the operation's number and '=' is no text.
    const size_t key = at < 2 ? std::string::npos : text.find_last_of(": [", at - 1);
    const bool detail = key != std::string::npos && text[key] == ':';
    const std::string bytes =
        value && detail ? absl::HexStringToBytes(text.substr(at, end - at)) : "";
    if (!bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](char c) {
          return absl::ascii_isprint(static_cast<unsigned char>(c));
        })) {
      absl::StrAppend(&out, "\"", bytes, "\"");
      at = end;
    } else {
      end = std::max(end, at + 1);
      out.append(text, at, end - at);
      at = end;
    }
  }
  return out;
}

}  // namespace knotcheck::conform
