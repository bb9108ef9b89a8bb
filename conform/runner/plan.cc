// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/plan.h"

#include <seccomp.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include "conform/runner/control.h"
#include "conform/runner/plan_words.h"
#include "conform/runner/room.h"

namespace knotcheck::runner {
namespace {

constexpr size_t kMaxImage = 4096;

int CallNumber(const std::string& name) {
  const int nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str());
  if (nr < 0) throw Mistake{"'" + name + "'", "the name of a system call of this machine"};
  return nr;
}

// Reads the lines of one plan.
class Reader {
 public:
  explicit Reader(Plan* plan) : plan_(*plan) {}

  void Read(const std::string& first, Line* line, int number) {
    number_ = number;
    if (first == "mode") return Mode(line);
    if (first == "limit") {
      plan_.limit_ms = static_cast<uint64_t>(line->Number("milliseconds", 1, 86400000));
    } else if (first == "needs") {
      Needs(line);
    } else if (first == "object") {
      ReadObject(line);
    } else if (first == "word") {
      ReadWord(line);
    } else if (first == "file") {
      plan_.files.push_back(Path(line->Take("a path in hexadecimal digits")));
    } else if (first == "image") {
      ReadImage(line);
    } else if (first == "trap") {
      plan_.traps.push_back(CallNumber(line->Take("the name of a system call")));
    } else if (first == "filter") {
      line->Name({{"wait_killable", 0}}, "a flag");
      plan_.wait_killable = true;
    } else if (first == "task") {
      ReadTask(line);
    } else if (first == "handler") {
      Task& task = plan_.tasks[TakeTask(line)];
      task.handler = static_cast<HandlerKind>(line->Name(kHandlers, "a kind of handler"));
    } else if (first == "nofile") {
      Task& task = plan_.tasks[TakeTask(line)];
      task.nofile = line->Number("a limit", 0, 1 << 20);
    } else if (first == "op") {
      ReadOp(line);
    } else if (first == "order") {
      ReadOrder(line);
    } else if (first == "sender") {
      ReadSender(line);
    } else if (first == "writer") {
      plan_.writer = true;
      const std::string count = line->Take("a number of stores or '-'");
      if (count != "-") {
        plan_.writer_stores =
            static_cast<uint64_t>(Line::ToNumber(count, "a number of stores or '-'", 1, INT64_MAX));
      }
    } else if (first == "failures") {
      plan_.failures = static_cast<uint32_t>(line->Number("a number of allocations", 1, 255));
    } else if (first == "wanted") {
      plan_.wanted = line->Take("an outcome");
      while (line->more()) plan_.wanted += " " + line->Take("an outcome");
    } else if (first == "policy") {
      ReadRule(line);
    } else {
      throw Mistake{"'" + first + "'", "a line of docs/plan-format.md"};
    }
  }

  // The labels that jumps and orders name are known only at the end. Sets the line of a mistake.
  void Finish(int* number) {
    for (const auto& [task, handler, op] : jumps_) {
      Task& t = plan_.tasks[static_cast<size_t>(task)];
      Script& script = handler ? t.handler_script : t.script;
      Op& from = script[op];
      *number = from.line;
      for (int& jump : from.jumps) jump = Position(script, jump);
    }
    for (size_t i = 0; i < plan_.orders.size(); ++i) {
      Order& order = plan_.orders[i];
      if (order.code != OrderCode::kStart) continue;
      *number = order_lines_[i];
      const Task& task = plan_.tasks[static_cast<size_t>(order.task)];
      order.op = Position(order.handler ? task.handler_script : task.script, order.op);
    }
  }

 private:
  static int Position(const Script& script, int label) {
    for (size_t i = 0; i < script.size(); ++i) {
      if (script[i].label == label) return static_cast<int>(i);
    }
    throw Mistake{"operation " + std::to_string(label), "an operation of this task"};
  }

  void Mode(Line* line) {
    plan_.stress = line->Name({{"directed", 0}, {"stress", 1}}, "a mode") == 1;
    if (!plan_.stress) return;
    plan_.runs = static_cast<uint64_t>(line->Number("a number of runs", 1, 1000000000));
    plan_.seed = static_cast<uint64_t>(line->Number("a seed", 0, INT64_MAX));
  }

  void Needs(Line* line) {
    while (line->more()) {
      const std::string need = line->Take("a need");
      Names known = kNeeds;
      for (const Room* room : Rooms()) known.emplace_back(room->name, 0);
      Line::ToName(need, known, "a need");
      plan_.needs.push_back(need);
    }
  }

  std::string Path(const std::string& hex) {
    std::string path = Bytes(hex);
    if (path.empty() || path[0] != '/' || path.size() >= 4096 ||
        path.find('\0') != std::string::npos || path.find("/..") != std::string::npos) {
      throw Mistake{"'" + hex + "'", "an absolute path in hexadecimal digits, without '..'"};
    }
    return path;
  }

  void ReadImage(Line* line) {
    Image image;
    image.path = Path(line->Take("a path in hexadecimal digits"));
    if (plan_.objects.empty()) throw Mistake{"no object yet", "an 'object' line before"};
    image.object = static_cast<int>(
        line->Number("an object", 0, static_cast<int64_t>(plan_.objects.size()) - 1));
    const std::string hex = line->Take("bytes in hexadecimal digits");
    image.bytes = Bytes(hex);
    if (image.bytes.empty() || image.bytes.size() > kMaxImage) {
      throw Mistake{"'" + hex + "'", "bytes, a page of them at most"};
    }
    plan_.images.push_back(std::move(image));
  }

  size_t TakeTask(Line* line) {
    if (plan_.tasks.empty()) throw Mistake{"no task yet", "a 'task' line before"};
    return static_cast<size_t>(
        line->Number("a task", 0, static_cast<int64_t>(plan_.tasks.size()) - 1));
  }

  int TakeWord(Line* line) {
    if (plan_.words.empty()) throw Mistake{"no word yet", "a 'word' line before"};
    return static_cast<int>(
        line->Number("a word", 0, static_cast<int64_t>(plan_.words.size()) - 1));
  }

  Value ToAddress(const std::string& word) {
    if (word == "dangling") return {Value::Kind::kDangling, 0};
    // The objects may be named before their lines: tables point forwards.
    const size_t plus = word.find('+');
    Value value;
    value.kind = Value::Kind::kObject;
    value.number = static_cast<uint64_t>(
        Line::ToNumber(word.substr(1, plus - 1), "an object", 0, kMaxObjects - 1));
    if (plus != std::string::npos) {
      value.offset = static_cast<uint64_t>(
          Line::ToNumber(word.substr(plus + 1), "an offset", 1, kMaxObjectBytes));
    }
    return value;
  }

  Value TakeValue(Line* line) {
    const std::string word = line->Take("a value");
    if (word[0] == '&' || word == "dangling") return ToAddress(word);
    if (word == "unmapped") return {Value::Kind::kUnmapped, 0};
    Value value;
    const char* const end = word.data() + word.size();
    const auto [at, code] = std::from_chars(word.data(), end, value.number, 16);
    if (word.size() != 16 || code != std::errc() || at != end) {
      throw Mistake{"'" + word + "'",
                    "16 hexadecimal digits, '&O', '&O+BYTES', 'dangling' or 'unmapped'"};
    }
    return value;
  }

  Value TakeArgument(Line* line) {
    const std::string word = line->Take("an argument");
    if (word[0] == '&' || word == "dangling") return ToAddress(word);
    Value value;
    value.number = static_cast<uint64_t>(
        Line::ToNumber(word, "a number, '&O', '&O+BYTES' or 'dangling'", INT64_MIN, INT64_MAX));
    return value;
  }

  void ReadObject(Line* line) {
    const auto next = static_cast<int64_t>(plan_.objects.size());
    if (next >= kMaxObjects) throw Mistake{"one more object", "fewer objects"};
    line->Number("the next object", next, next);
    Object object;
    object.name = line->Take("a name");
    object.kind = static_cast<ObjectKind>(line->Name(kObjectKinds, "a kind of object"));
    object.bytes = static_cast<uint64_t>(
        line->Number("a number of bytes", 0, static_cast<int64_t>(kMaxObjectBytes)));
    if (line->more()) {
      const std::string word = line->Take("a word");
      if (word != "private") throw Mistake{"'" + word + "'", "'private', or the end of the line"};
      object.is_private = true;
    }
    plan_.objects.push_back(object);
  }

  void ReadWord(Line* line) {
    const auto next = static_cast<int64_t>(plan_.words.size());
    if (next >= kMaxWords) throw Mistake{"one more word", "fewer words"};
    line->Number("the next word", next, next);
    if (plan_.objects.empty()) throw Mistake{"no object yet", "an 'object' line before"};
    Word word;
    word.object = static_cast<int>(
        line->Number("an object", 0, static_cast<int64_t>(plan_.objects.size()) - 1));
    for (const Word& other : plan_.words) {
      if (other.object == word.object) word.offset += 8;
    }
    do {
      word.values.push_back(TakeValue(line));
    } while (line->more());
    plan_.words.push_back(word);
  }

  void ReadTask(Line* line) {
    const auto next = static_cast<int64_t>(plan_.tasks.size());
    if (next >= kMaxTasks) throw Mistake{"one more task", "fewer tasks"};
    line->Number("the next task", next, next);
    Task task;
    task.name = line->Take("a name");
    task.kind = static_cast<TaskKind>(line->Name(kTaskKinds, "a kind of task"));
    const std::string of = line->Take("a task or '-'");
    if (task.kind == TaskKind::kTarget || task.kind == TaskKind::kSupervisor) {
      if (of != "-") throw Mistake{"'" + of + "'", "'-'"};
    } else {
      // It may come later: CheckWhole().
      task.of =
          static_cast<int>(Line::ToNumber(of, "the task that it belongs to", 0, kMaxTasks - 1));
    }
    plan_.tasks.push_back(task);
  }

  uint32_t Options(const std::string& words) {
    uint32_t options = 0;
    if (words == "-") return options;
    for (const std::string& word : Split(words, ',')) {
      options |= Line::ToName(word, kIoctlOptions, "an option");
    }
    return options;
  }

  int Variable(Line* line) { return static_cast<int>(line->Number("a variable", 0, 1)); }

  void ReadCall(Line* line, Op* op) {
    op->nr = CallNumber(line->Take("the name of a system call"));
    if (op->nr == SYS_vfork || op->nr == SYS_clone3) throw Mistake{"this call", "fork or clone"};
    if (op->nr == SYS_fork || op->nr == SYS_clone) {
      // Children may be declared after the script that starts them.
      op->task = static_cast<int>(line->Number("the task that starts", 0, kMaxTasks - 1));
      return;
    }
    for (int i = 0; line->more(); ++i) {
      if (i == 6) line->End();
      op->args[i] = TakeArgument(line);
    }
  }

  void ReadLooks(Line* line, Op* op) {
    while (line->more()) {
      if (op->looks.size() == 6 && op->code == Code::kRead) line->End();
      const std::string word = line->Take("an argument");
      const std::vector<std::string> parts = Split(word, ':');
      const size_t count = op->code == Code::kVerb ? 4 : 3;
      if (parts.size() != count) {
        throw Mistake{"'" + word + "'",
                      op->code == Code::kVerb ? "ARG:KIND:BYTES:ENTRIES" : "ARG:SHAPE:LENGTH"};
      }
      Look look;
      // What the kernel refuses may be asked of it.
      const int64_t most = op->code == Code::kVerb ? 255 : 5;
      look.reg = static_cast<int>(Line::ToNumber(parts[0], "a register", 0, most));
      if (op->code == Code::kVerb) {
        look.kind = static_cast<uint32_t>(Line::ToNumber(parts[1], "a kind", 0, 255));
        look.length = static_cast<uint64_t>(Line::ToNumber(parts[2], "bytes", 0, UINT32_MAX));
        look.entries = static_cast<uint32_t>(Line::ToNumber(parts[3], "entries", 0, UINT32_MAX));
      } else {
        look.shape = static_cast<Shape>(Line::ToName(parts[1], kShapes, "a shape"));
        look.length = static_cast<uint64_t>(
            Line::ToNumber(parts[2], "bytes", 0, static_cast<int64_t>(kMaxLook)));
      }
      op->looks.push_back(look);
    }
  }

  void Label(Line* line, Op* op) {
    op->jumps.push_back(static_cast<int>(line->Number("an operation", 0, INT32_MAX)));
  }

  void ReadOp(Line* line) {
    const size_t task = TakeTask(line);
    std::string label = line->Take("an operation");
    const bool handler = label[0] == 'h';
    if (handler) label.erase(0, 1);
    Script& script = handler ? plan_.tasks[task].handler_script : plan_.tasks[task].script;
    Op op;
    op.line = number_;
    op.label = static_cast<int>(Line::ToNumber(label, "an operation", 0, INT32_MAX));
    if (!script.empty() && op.label <= script.back().label) {
      throw Mistake{"operation " + label, "a number that is larger than the one before"};
    }
    const std::string word = line->Take("an operation");
    op.verb = VerbNamed(word);
    op.code = op.verb != nullptr ? Code::kVerb
                                 : static_cast<Code>(Line::ToName(word, kCodes, "an operation"));
    const bool supervises = plan_.tasks[task].kind == TaskKind::kSupervisor;
    const bool common = op.code == Code::kStore || op.code == Code::kKill ||
                        op.code == Code::kEnd || op.code == Code::kJump ||
                        op.code == Code::kJumpIfResult;
    if (!common && supervises == (op.code == Code::kCall)) {
      throw Mistake{"this operation", supervises ? "an operation of a supervisor"
                                                 : "an operation of a target or peer"};
    }
    ReadWords(line, &op);
    if (!op.jumps.empty()) {
      jumps_.push_back({static_cast<int>(task), handler, script.size()});
    }
    script.push_back(op);
  }

  void ReadWords(Line* line, Op* op) {
    switch (op->code) {
      case Code::kCall:
        return ReadCall(line, op);
      case Code::kStore:
        op->word = TakeWord(line);
        op->value = TakeValue(line);
        return;
      case Code::kKill:
        op->task = static_cast<int>(line->Number("a task", 0, kMaxTasks - 1));
        return;
      case Code::kEnd:
      case Code::kClose:
        return;
      case Code::kRecv:
      case Code::kIdValid:
        op->variable = Variable(line);
        break;
      case Code::kSend:
        op->variable = Variable(line);
        op->number = line->Number("flags", 0, UINT32_MAX);
        op->error = line->Number("an error", INT32_MIN, INT32_MAX);
        op->val = line->Number("a value", INT64_MIN, INT64_MAX);
        break;
      case Code::kAddfd:
        op->variable = Variable(line);
        op->options = Options(line->Take("options"));
        op->number = line->Number("a descriptor", 0, UINT32_MAX);
        return;
      case Code::kSetFlags:
        op->number = line->Number("flags", 0, INT64_MAX);
        return;
      case Code::kPoll:
        break;
      case Code::kVerb:
        op->variable = Variable(line);
        for (size_t i = 0; i < op->verb->fields; ++i) {
          op->numbers.push_back(line->Number("a number of the request", 0, UINT32_MAX));
        }
        op->options = Options(line->Take("options"));
        return op->verb->descriptors ? ReadLooks(line, op) : void();
      case Code::kRead:
        op->variable = Variable(line);
        return ReadLooks(line, op);
      case Code::kAfter:
        op->variable = Variable(line);
        op->other = Variable(line);
        return;
      case Code::kJumpIfError:
        op->error = line->Number("an error", 0, 4095);
        return Label(line, op);
      case Code::kJumpIfResult:
        op->number = line->Number("a result", INT64_MIN, INT64_MAX);
        return Label(line, op);
      case Code::kJumpIfCall:
        op->variable = Variable(line);
        op->nr = CallNumber(line->Take("the name of a system call"));
        return Label(line, op);
      case Code::kJumpIfNothing:
      case Code::kDecide:
        op->variable = Variable(line);
        return Label(line, op);
      case Code::kJump:
        return Label(line, op);
      case Code::kChoose:
        do {
          Label(line, op);
        } while (line->more());
        return;
    }
    while (line->more()) op->options |= Options(line->Take("options"));
  }

  void ReadOrder(Line* line) {
    Order order;
    order_lines_.push_back(number_);
    const std::string verb = line->Take("an order");
    if (verb == "finish") {
      plan_.orders.push_back(order);
      return;
    }
    if (verb == "store") {
      order.code = OrderCode::kStore;
      order.word = TakeWord(line);
      order.value = TakeValue(line);
      plan_.orders.push_back(order);
      return;
    }
    const uint32_t kind = Line::ToName(verb,
                                       {{"start", 0},
                                        {"wait", 1},
                                        {"hold", 2},
                                        {"resume", 3},
                                        {"signal", 4},
                                        {"store", 5},
                                        {"finish", 6}},
                                       "an order");
    order.task = static_cast<int>(TakeTask(line));
    order.text = verb + " " + plan_.tasks[static_cast<size_t>(order.task)].name;
    if (kind == 0) {
      ReadStart(line, &order);
    } else if (kind == 1) {
      const uint32_t what =
          line->Name({{"done", 0}, {"asleep", 1}, {"parked", 2}, {"dead", 3}, {"handler", 4}},
                     "what to wait for");
      order.code = std::vector{OrderCode::kWaitDone, OrderCode::kWaitAsleep, OrderCode::kWaitParked,
                               OrderCode::kWaitDead, OrderCode::kWaitHandler}[what];
      order.text += std::vector{" done", " asleep", " parked", " dead", " handler"}[what];
    } else if (kind == 2) {
      order.code = OrderCode::kHold;
    } else if (kind == 3) {
      order.code = OrderCode::kResume;
      if (line->more()) {
        line->Name({{"fault", 0}}, "an option");
        order.fault = true;
      }
    } else {
      order.code = OrderCode::kSignal;
      if (line->more()) {
        line->Name({{"fatal", 0}}, "an option");
        order.fatal = true;
      }
    }
    plan_.orders.push_back(order);
  }

  void ReadStart(Line* line, Order* order) {
    order->code = OrderCode::kStart;
    std::string label = line->Take("an operation");
    order->text += " " + label;
    order->handler = label[0] == 'h';
    if (order->handler) label.erase(0, 1);
    order->op = static_cast<int>(Line::ToNumber(label, "an operation", 0, INT32_MAX));
    if (!line->more()) return;
    const Names options = {{"fault", kFault}, {"park", kPark}, {"hold", kHoldObject}};
    order->options = line->Name(options, "an option");
    if (order->options != kHoldObject) return;
    if (plan_.objects.empty()) throw Mistake{"no object yet", "an 'object' line before"};
    order->object = static_cast<int>(
        line->Number("an object", 0, static_cast<int64_t>(plan_.objects.size()) - 1));
  }

  void ReadSender(Line* line) {
    Sender sender;
    sender.task = static_cast<int>(TakeTask(line));
    sender.count = static_cast<uint64_t>(line->Number("a number of signals", 0, INT64_MAX));
    if (line->more()) {
      line->Name({{"fatal", 0}}, "an option");
      sender.fatal = true;
    }
    plan_.senders.push_back(sender);
  }

  void ReadRule(Line* line) {
    Rule rule;
    rule.nr = CallNumber(line->Take("the name of a system call"));
    while (line->more()) {
      const std::string word = line->Take("a condition");
      const size_t equal = word.find('=');
      if (equal == std::string::npos || equal == 0) {
        throw Mistake{"'" + word + "'", "ARG=HEX[,HEX...], ARG!=HEX[,HEX...], ARG=* or ARG=!"};
      }
      const bool negated = word[equal - 1] == '!';
      Condition condition;
      condition.reg = static_cast<int>(
          Line::ToNumber(word.substr(0, equal - (negated ? 1 : 0)), "a register", 0, 5));
      const std::string held = word.substr(equal + 1);
      if (negated) condition.test = Condition::Test::kNotEqual;
      if (held == "*") {
        condition.test = Condition::Test::kAny;
      } else if (held == "!") {
        condition.test = Condition::Test::kNever;
      } else if (!held.empty()) {
        for (const std::string& hex : Split(held, ',')) condition.held.push_back(Bytes(hex));
      }
      rule.conditions.push_back(condition);
    }
    plan_.rules.push_back(rule);
  }

  struct Jump {
    int task;
    bool handler;
    size_t op;
  };

  Plan& plan_;
  int number_ = 0;
  std::vector<Jump> jumps_;
  std::vector<int> order_lines_;
};

void CheckObject(const Plan& plan, const Value& value) {
  if (value.kind == Value::Kind::kObject && value.number >= plan.objects.size()) {
    throw Mistake{"'&" + std::to_string(value.number) + "'", "an object of the plan"};
  }
}

// What only the whole plan shows.
void CheckWhole(const Plan& plan) {
  for (const Word& word : plan.words) {
    for (const Value& value : word.values) CheckObject(plan, value);
  }
  for (const Task& task : plan.tasks) {
    for (const Script* script : {&task.script, &task.handler_script}) {
      for (const Op& op : *script) {
        if (op.task >= static_cast<int>(plan.tasks.size())) {
          throw Mistake{"task " + std::to_string(op.task) + " in a script of " + task.name,
                        "a task of the plan"};
        }
        for (const Value& argument : op.args) CheckObject(plan, argument);
        CheckObject(plan, op.value);
      }
    }
  }
  for (const Order& order : plan.orders) CheckObject(plan, order.value);
  std::vector<uint64_t> sizes(plan.objects.size());
  for (const Word& word : plan.words) sizes[static_cast<size_t>(word.object)] += 8;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] >= plan.objects[i].bytes + 8) {
      throw Mistake{"more words than bytes in object " + std::to_string(i),
                    "at most one word for each 8 bytes"};
    }
  }
  for (const Task& task : plan.tasks) {
    if (task.of < 0) continue;
    const auto of = static_cast<size_t>(task.of);
    const bool has_filter = of < plan.tasks.size() && &plan.tasks[of] != &task &&
                            plan.tasks[of].kind != TaskKind::kSupervisor &&
                            plan.tasks[of].kind != TaskKind::kPeer &&
                            plan.tasks[of].kind != TaskKind::kFilePeer;
    if (!has_filter) throw Mistake{"task " + std::to_string(of), "a task that has the filter"};
  }
  bool target = false;
  for (const Task& task : plan.tasks) target |= task.kind == TaskKind::kTarget;
  if (!target) throw Mistake{"no target", "a task that is a target"};
}

}  // namespace

bool Exits(const Op& op) {
  return op.code == Code::kCall && (op.nr == SYS_exit || op.nr == SYS_exit_group);
}

bool Plan::NeedsHold() const {
  return std::any_of(orders.begin(), orders.end(),
                     [](const Order& order) { return order.code == OrderCode::kHold; });
}

bool Plan::Parks() const {
  return std::any_of(orders.begin(), orders.end(),
                     [](const Order& order) { return (order.options & kPark) != 0; });
}

bool Plan::Calls(int nr) const {
  for (const Task& task : tasks) {
    for (const Script* script : {&task.script, &task.handler_script}) {
      for (const Op& op : *script) {
        if (op.code == Code::kCall && op.nr == nr) return true;
      }
    }
  }
  return false;
}

const VerbRunner* VerbNamed(const std::string& name) {
  for (const Room* room : Rooms()) {
    for (const VerbRunner& verb : room->verbs) {
      if (name == verb.name) return &verb;
    }
  }
  return nullptr;
}

bool ReadPlans(const std::string& text, const std::string& file, std::vector<Plan>* plans,
               std::string* error) {
  std::istringstream lines(text);
  int number = 0;
  Plan plan;
  bool inside = false;
  std::optional<Reader> reader;
  try {
    for (std::string line; std::getline(lines, line);) {
      ++number;
      if (!line.empty() && line[0] == '#') continue;
      Line words(line);
      if (words.empty()) continue;
      const std::string first = words.Take("a line");
      if (!inside) {
        if (first != "plan" && first != "program") {
          throw Mistake{"'" + first + "'", "'plan NAME'"};
        }
        plan = Plan();
        reader.emplace(&plan);
        plan.name = words.Take("a name");
        if (first == "program") plan.program.push_back(words.Take("the path of a program"));
        while (first == "program" && words.more()) plan.program.push_back(words.Take("a word"));
        inside = true;
        plan.text = line + "\n";
      } else if (!plan.program.empty() && first != "end" && first != "limit") {
        throw Mistake{"'" + first + "'", "'limit MS' or 'end'"};
      } else if (first == "end") {
        const int last = number;
        reader->Finish(&number);
        number = last;
        if (plan.program.empty()) CheckWhole(plan);
        plan.text += "end\n";
        plans->push_back(plan);
        inside = false;
      } else {
        reader->Read(first, &words, number);
        plan.text += line + "\n";
      }
      words.End();
    }
    if (inside) throw Mistake{"the end of the file", "'end'"};
  } catch (const Mistake& mistake) {
    *error = file + ":" + std::to_string(number) + ": found " + mistake.found + ", expected " +
             mistake.expected;
    return false;
  }
  return true;
}

}  // namespace knotcheck::runner
