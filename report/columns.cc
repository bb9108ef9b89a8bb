// SPDX-License-Identifier: Apache-2.0

#include "report/columns.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/text.h"
#include "report/result.h"

namespace knotcheck::report {
namespace {

using trace::ReplayCommand;
using trace::Trace;
using trace::TraceLine;
using trace::TraceThread;

constexpr size_t kMinColumn = 18;  // below it, columns are stacked
constexpr size_t kGap = 2;         // between columns
constexpr size_t kMargin = 1;
constexpr size_t kNoteIndent = 2;
constexpr size_t kHang = 2;

constexpr char kBold[] = "\x1b[1m";
constexpr char kRed[] = "\x1b[31m";
constexpr char kPlain[] = "\x1b[0m";

// One line of one thread, before it is fitted to its column.
struct Line {
  int thread = 0;
  bool forever = false;  // comes again and again
  size_t indent = 0;
  std::string text;
  std::string mark;  // "<-- ...": what was expected instead
  bool violated = false;
};

bool IsUserMode(const TraceLine& step) {
  return step.function == "user_mode" || step.function == "supervisor_mode" ||
         step.function == "(user mode)";
}

// "ioctl(RECV)" and "0" as "ioctl(RECV) = 0". What is no call shows an error only.
std::string WithResult(const std::string& call, const std::string& result) {
  if (absl::EndsWith(call, ")")) return absl::StrCat(call, " = ", result);
  return result == "0" ? call : absl::StrCat(call, ": ", result);
}

// Turns steps into lines: folds what says nothing, and puts a call and its result together.
class Teller {
 public:
  Teller(const Trace& trace, bool all) : trace_(trace), all_(all), threads_(trace.threads.size()) {}

  std::vector<Line> Tell() {
    const size_t forever = trace_.forever ? trace_.forever->first_line : trace_.lines.size();
    // A cycle that says nothing is shown step by step, or there would be nothing to see of it.
    const bool mute =
        std::all_of(trace_.lines.begin() + static_cast<std::ptrdiff_t>(forever), trace_.lines.end(),
                    [](const TraceLine& step) { return step.notes.empty(); });
    for (size_t i = 0; i < trace_.lines.size(); ++i) {
      const TraceLine& step = trace_.lines[i];
      if (i == forever) BeginCycle(mute);
      const bool violated = Violates(step);
      if (all_ || violated || !step.notes.empty()) {
        ++shown_;
        TellStep(step, violated);
      }
      // A folded step too ends what a function line stands for.
      threads_[static_cast<size_t>(step.thread)].function = step.function;
    }
    return std::move(lines_);
  }
  size_t shown() const { return shown_; }

 private:
  struct Thread {
    std::string function;  // of its last step
    std::string call;      // the supervisor's call that has not returned
    size_t call_line = 0;  // where that stands
  };

  bool Violates(const TraceLine& step) const {
    return std::find(step.violated.begin(), step.violated.end(), trace_.property) !=
           step.violated.end();
  }
  // What has been said so far is not repeated for ever, so nothing may be joined to it.
  void BeginCycle(bool mute) {
    all_ = all_ || mute;
    in_cycle_ = true;
    for (Thread& thread : threads_) thread = Thread();
  }
  void Add(const TraceLine& step, size_t indent, const std::string& text, bool violated) {
    Line line;
    line.forever = in_cycle_;
    line.thread = step.thread;
    line.indent = indent;
    line.text = base::Ascii(text);
    line.violated = violated;
    lines_.push_back(std::move(line));
  }
  void TellStep(const TraceLine& step, bool violated);
  void TellNote(const TraceLine& step, size_t indent, const std::string& note, bool violated);
  void TellResult(const TraceLine& step, const std::string& result);

  const Trace& trace_;
  bool all_;
  bool in_cycle_ = false;
  std::vector<Thread> threads_;
  std::vector<Line> lines_;
  size_t shown_ = 0;
};

void Teller::TellStep(const TraceLine& step, bool violated) {
  Thread& thread = threads_[static_cast<size_t>(step.thread)];
  const bool user = IsUserMode(step);
  std::vector<std::string> notes = step.notes;
  std::string result;
  if (!notes.empty() && absl::StartsWith(notes.back(), "= ")) {
    result = notes.back().substr(2);
    notes.pop_back();
  }
  const size_t first = lines_.size();
  if (!user && (!notes.empty() || violated || all_)) {
    const bool goes_on = !lines_.empty() && lines_.back().thread == step.thread &&
                         lines_.back().forever == in_cycle_ && thread.function == step.function;
    if (!goes_on) Add(step, 0, step.function + "()", false);
  }
  // A violation has its line even where nothing else is said.
  if (user ? notes.empty() && (all_ || violated) : all_) {
    Add(step, user ? 0 : kNoteIndent, user ? step.statement : "| " + step.statement, violated);
  }
  // What a user-mode step says first is what user space does; what follows is the kernel's.
  bool in_user = user;
  for (const std::string& note : notes) {
    const size_t note_line = lines_.size();
    TellNote(step, in_user ? 0 : kNoteIndent, note, violated);
    if (!in_user || absl::StartsWith(note, "policy: ")) continue;
    in_user = false;
    thread.call = note;
    thread.call_line = note_line;
  }
  if (violated) {
    const bool marked = std::any_of(lines_.begin() + static_cast<std::ptrdiff_t>(first),
                                    lines_.end(), [](const Line& l) { return !l.mark.empty(); });
    if (!marked) lines_.back().mark = base::Ascii("<-- expected: " + trace_.sentence);
  }
  if (!result.empty()) TellResult(step, result);
}

void Teller::TellNote(const TraceLine& step, size_t indent, const std::string& note,
                      bool violated) {
  const size_t mark = note.find("<-- ");
  if (mark != 0) {
    const std::string text(absl::StripSuffix(note.substr(0, mark), " "));
    Add(step, indent, text, violated);
  }
  if (mark == std::string::npos) return;
  // A mark alone belongs to the line before it, if that is this step's.
  if (lines_.empty() || lines_.back().thread != step.thread || !lines_.back().mark.empty()) {
    Add(step, indent, "", violated);
  }
  lines_.back().mark = base::Ascii(note.substr(mark));
}

// The result joins the call's own line, unless another thread has spoken in between.
void Teller::TellResult(const TraceLine& step, const std::string& result) {
  Thread& thread = threads_[static_cast<size_t>(step.thread)];
  if (thread.call.empty()) {
    Add(step, 0, "= " + result, false);
    return;
  }
  const bool alone =
      std::all_of(lines_.begin() + static_cast<std::ptrdiff_t>(thread.call_line), lines_.end(),
                  [&step](const Line& l) { return l.thread == step.thread; });
  if (alone) {
    lines_[thread.call_line].text = base::Ascii(WithResult(thread.call, result));
  } else if (absl::EndsWith(thread.call, ")") || result != "0") {
    Add(step, 0, WithResult(thread.call, result), false);
  }
  thread.call.clear();
}

// Text as it stands in a column: pieces of at most `width` bytes.
std::vector<std::string> Fit(const Line& line, size_t width) {
  const size_t hang = line.indent + kHang;
  if (line.mark.empty()) return base::Wrap(line.text, width, line.indent, hang);
  if (line.text.empty()) return base::Wrap(line.mark, width, line.indent, hang);
  const std::string joined = absl::StrCat(line.text, "  ", line.mark);
  if (line.indent + joined.size() <= width) return {std::string(line.indent, ' ') + joined};
  std::vector<std::string> pieces = base::Wrap(line.text, width, line.indent, hang);
  for (std::string& piece : base::Wrap(line.mark, width, line.indent, hang)) {
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

size_t Natural(const Line& line) {
  size_t size = line.indent + line.text.size();
  if (!line.mark.empty()) size += line.mark.size() + (line.text.empty() ? 0 : 2);
  return size;
}

struct Column {
  int thread = 0;
  std::string title;
  size_t width = 0;
};

std::vector<Column> ColumnsOf(const Trace& trace, const std::vector<Line>& lines) {
  std::vector<Column> columns;
  for (size_t t = 0; t < trace.threads.size(); ++t) {
    Column column;
    column.thread = static_cast<int>(t);
    const TraceThread& thread = trace.threads[t];
    column.title = base::Ascii(thread.name);
    if (!thread.role.empty()) absl::StrAppend(&column.title, " (", thread.role, ")");
    size_t own = 0;
    for (const Line& line : lines) {
      if (line.thread != column.thread) continue;
      ++own;
      column.width = std::max(column.width, Natural(line));
    }
    column.width = std::max(column.width, column.title.size());
    if (own > 0) columns.push_back(std::move(column));
  }
  return columns;
}

// Gives each column what it wants up to a common limit. False when that would be too narrow.
bool ShareWidth(size_t width, std::vector<Column>* columns) {
  const size_t around = kMargin + kGap * (columns->size() - 1);
  if (width < around) return false;
  const size_t available = width - around;
  size_t widest = 0;
  for (const Column& column : *columns) widest = std::max(widest, column.width);
  const auto total = [&](size_t limit) {
    size_t sum = 0;
    for (const Column& column : *columns) sum += std::min(column.width, limit);
    return sum;
  };
  size_t limit = widest;
  while (limit > 0 && total(limit) > available) --limit;
  if (limit < std::min(kMinColumn, widest)) return false;
  size_t left = available - total(limit);
  for (Column& column : *columns) {
    const size_t wanted = column.width;
    column.width = std::min(wanted, limit);
    const size_t more = std::min(left, wanted - column.width);
    column.width += more;
    left -= more;
  }
  return true;
}

// Text in colour: the codes have no width.
std::string Paint(const std::string& text, const char* code, bool color) {
  if (!color || text.empty()) return text;
  const size_t begin = std::min(text.find_first_not_of(' '), text.size());
  return absl::StrCat(text.substr(0, begin), code, text.substr(begin), kPlain);
}

const char* CodeOf(const Line& line) { return line.violated || !line.mark.empty() ? kRed : ""; }

void AppendLine(std::string line, std::string* out) {
  line.erase(line.find_last_not_of(' ') + 1);
  absl::StrAppend(out, line, "\n");
}

// One row of the table with `text` in column `at`.
void AppendCell(const std::vector<Column>& columns, size_t at, const std::string& text,
                std::string* out) {
  size_t indent = kMargin;
  for (size_t c = 0; c < at; ++c) indent += columns[c].width + kGap;
  AppendLine(std::string(indent, ' ') + text, out);
}

void AppendTitles(const std::vector<Column>& columns, bool color, std::string* out) {
  std::vector<std::vector<std::string>> titles;
  size_t rows = 0;
  for (const Column& column : columns) {
    titles.push_back(base::Wrap(column.title, column.width));
    rows = std::max(rows, titles.back().size());
  }
  for (size_t row = 0; row <= rows; ++row) {
    std::string line(kMargin, ' ');
    for (size_t c = 0; c < columns.size(); ++c) {
      std::string cell;
      if (row == rows) {
        cell = std::string(columns[c].width, '-');
      } else if (row < titles[c].size()) {
        cell = titles[c][row];
      }
      const size_t padding = columns[c].width - cell.size() + (c + 1 < columns.size() ? kGap : 0);
      const bool last = c + 1 == columns.size();
      absl::StrAppend(&line, row < rows ? Paint(cell, kBold, color) : cell,
                      last ? "" : std::string(padding, ' '));
    }
    AppendLine(line, out);
  }
}

// Above the first line of what comes again and again.
void MarkCycle(const Line& line, const ColumnsOptions& options, bool* marked, std::string* out) {
  if (!line.forever || *marked) return;
  *marked = true;
  for (const std::string& text : base::Wrap("from here for ever:", options.width, kMargin, kHang)) {
    AppendLine(Paint(text, kBold, options.color), out);
  }
}

void AppendTable(const std::vector<Line>& lines, const std::vector<Column>& columns,
                 const ColumnsOptions& options, std::string* out) {
  bool marked = false;
  AppendTitles(columns, options.color, out);
  for (const Line& line : lines) {
    MarkCycle(line, options, &marked, out);
    const auto at = std::find_if(columns.begin(), columns.end(),
                                 [&line](const Column& c) { return c.thread == line.thread; });
    for (const std::string& piece : Fit(line, at->width)) {
      const char* code = CodeOf(line);
      AppendCell(columns, static_cast<size_t>(at - columns.begin()),
                 *code != '\0' ? Paint(piece, code, options.color) : piece, out);
    }
  }
}

// Too many threads for columns: the name at the left where the thread changes.
void AppendStack(const std::vector<Line>& lines, const std::vector<Column>& columns,
                 const ColumnsOptions& options, std::string* out) {
  size_t names = 0;
  for (const Column& column : columns) names = std::max(names, column.title.size());
  // Long names stand above their lines instead.
  const bool beside =
      kMargin + names + kGap + kMinColumn <= options.width && names <= options.width / 3;
  const size_t indent = kMargin + (beside ? names + kGap : kGap);
  int last = -1;
  bool marked = false;
  for (const Line& line : lines) {
    if (line.forever && !marked) last = -1;
    MarkCycle(line, options, &marked, out);
    const auto at = std::find_if(columns.begin(), columns.end(),
                                 [&line](const Column& c) { return c.thread == line.thread; });
    std::string left(indent, ' ');
    if (line.thread != last && beside) {
      left = std::string(kMargin, ' ') + Paint(at->title, kBold, options.color) +
             std::string(indent - kMargin - at->title.size(), ' ');
    } else if (line.thread != last) {
      for (const std::string& piece : base::Wrap(at->title, options.width, kMargin, kMargin)) {
        AppendLine(Paint(piece, kBold, options.color), out);
      }
    }
    last = line.thread;
    for (const std::string& piece : Fit(line, options.width - indent)) {
      const char* code = CodeOf(line);
      AppendLine(left + (*code != '\0' ? Paint(piece, code, options.color) : piece), out);
      left.assign(indent, ' ');
    }
  }
}

void AppendWrapped(const std::string& text, size_t width, size_t hang, std::string* out) {
  for (const std::string& line : base::Wrap(text, width, 0, hang)) AppendLine(line, out);
}

void AppendHeader(const Trace& trace, size_t shown, const ColumnsOptions& options,
                  std::string* out) {
  AppendWrapped(absl::StrCat(base::Ascii(trace.subject.scenario.header.name), ": ", trace.property,
                             " violated under ", ToString(trace.subject), ", ", shown, " of ",
                             trace.lines.size(), " steps shown"),
                options.width, kHang, out);
  const std::string sentence = absl::StrCat("\"", base::Ascii(trace.sentence), "\"");
  const std::string source = base::Ascii(trace.source);
  if (sentence.size() + 3 + source.size() <= options.width) {
    AppendLine(absl::StrCat(sentence, "   ", source), out);
  } else {
    AppendWrapped(sentence, options.width, kHang, out);
    for (const std::string& line : base::Wrap(source, options.width, kHang, kHang)) {
      AppendLine(line, out);
    }
  }
  AppendWrapped(OriginText(trace.subject, {trace.subject}), options.width, kHang, out);
  std::vector<std::string> words =
      options.trace_file.empty()
          ? ReplayCommand(trace)
          : std::vector<std::string>{"knotcheck", "replay", options.trace_file};
  words[0] = options.program;
  words.insert(words.begin(), "replay:");
  for (const std::string& line : base::WrapCommand(words, options.width)) AppendLine(line, out);
  absl::StrAppend(out, "\n");
}

const char* RestTitle(const Trace& trace) {
  if (!trace.forever) return "then nothing more can happen:";
  const bool stops = trace.forever->lasso.cycle.empty();
  // A signal could still come, but nobody must send one.
  return stops ? "then nothing more need happen:" : "all the while:";
}

void AppendSteps(const Trace& trace, const std::vector<Line>& lines, const ColumnsOptions& options,
                 std::string* out) {
  std::vector<Column> columns = ColumnsOf(trace, lines);
  if (columns.empty()) return;
  if (ShareWidth(options.width, &columns)) {
    AppendTable(lines, columns, options, out);
  } else {
    AppendStack(lines, columns, options, out);
  }
}

}  // namespace

std::string RunColumns(const Trace& trace, const ColumnsOptions& options) {
  std::string out;
  AppendSteps(trace, Teller(trace, options.all).Tell(), options, &out);
  return out;
}

std::string Columns(const Trace& trace, const ColumnsOptions& options) {
  Teller teller(trace, options.all);
  const std::vector<Line> lines = teller.Tell();
  std::string out;
  AppendHeader(trace, teller.shown(), options, &out);
  AppendSteps(trace, lines, options, &out);
  if (!trace.at_rest.empty()) {
    absl::StrAppend(&out, "\n");
    for (const std::string& line : base::Wrap(RestTitle(trace), options.width, kMargin, kHang)) {
      AppendLine(line, &out);
    }
    for (const std::string& wait : trace.at_rest) {
      for (const std::string& line : base::Wrap(base::Ascii(wait), options.width, 3, 5))
        AppendLine(line, &out);
    }
    for (const std::string& line :
         base::Wrap(base::Ascii("<-- expected: " + trace.sentence), options.width, kMargin, 5)) {
      AppendLine(Paint(line, kRed, options.color), &out);
    }
  }
  return out;
}

}  // namespace knotcheck::report
