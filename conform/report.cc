// SPDX-License-Identifier: Apache-2.0

#include "conform/report.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "conform/exhaustive.h"
#include "conform/plan.h"
#include "fmt/core.h"
#include "nlohmann/json.hpp"

namespace knotcheck::conform {
namespace {

using nlohmann::ordered_json;

// Lines of the table are no longer than this.
constexpr size_t kWidth = 80;
constexpr absl::string_view kDiffers = "DIFFERS";

const char* Name(Match match) {
  switch (match) {
    case Match::kMatches:
      return "matches";
    case Match::kDiffers:
      return "differs";
    case Match::kSkipped:
      return "skipped";
    case Match::kLost:
      return "lost";
  }
  return "";
}

// The order in words: what is begun is named by the scenario's own text.
std::string Words(const model::Program& program, const Order& order) {
  std::string text = OrderText(program, order, true);
  if (order.kind == Order::Kind::kStart) {
    const model::Op& op = OpOf(program, order.task, order.call);
    absl::StrAppend(&text, "    # ", op.text.empty() ? "exits" : op.text);
  }
  if (order.kind == Order::Kind::kStore) {
    absl::StrAppend(&text, "    # ", program.objects[program.words[order.word].object].name);
  }
  return text;
}

std::string Violates(const std::vector<std::string>& names) {
  return names.empty() ? "" : absl::StrCat("violates ", absl::StrJoin(names, ", "));
}

size_t Count(const Case& one, Match match) {
  return static_cast<size_t>(
      std::count_if(one.forced.begin(), one.forced.end(),
                    [match](const ForcedResult& f) { return f.match == match; }));
}

// Says it in lines that fit, the first of which begins with `prefix`.
void Add(const std::string& prefix, const std::string& says, std::string* text) {
  std::string before = prefix;
  for (const std::string& line : base::Wrap(says, kWidth - prefix.size())) {
    absl::StrAppend(text, before, line, "\n");
    before.assign(prefix.size(), ' ');
  }
}

// What became of the counterexample.
std::string TraceText(const Case& one) {
  const TraceNotes& trace = *one.trace;
  std::string says = absl::StrCat(base::Ascii(trace.file), ": ", trace.property, ", ");
  if (one.forced.empty()) {
    absl::StrAppend(&says, "which no run that user space can force breaks");
  } else {
    absl::StrAppend(&says, trace.deeds, " operations, stores and signals, in its order",
                    trace.differences.empty() ? "" : " but for this:");
  }
  std::string text;
  const auto add = [&text](const std::string& line, size_t indent) {
    for (const std::string& part : base::Wrap(line, kWidth, indent, indent + 2)) {
      absl::StrAppend(&text, part, "\n");
    }
  };
  add(says, 2);
  for (const std::string& difference : trace.differences) add(difference, 4);
  return text;
}

std::string ForcedText(const Case& one, const ForcedResult& forced, bool verbose) {
  std::string text;
  const bool good = forced.match == Match::kMatches;
  if (good && !verbose && !one.trace) return text;
  const std::string title = absl::StrCat(
      forced.plan.substr(forced.plan.find('#')), " ", Name(forced.match),
      forced.reason.empty() ? "" : absl::StrCat(": ", forced.reason),
      forced.violates.empty() ? "" : absl::StrCat(" (", Violates(forced.violates), ")"));
  Add("  ", title, &text);
  if (forced.match == Match::kSkipped && !verbose) return text;
  Add("     model   ", Readable(forced.predicted), &text);
  if (!forced.observed.empty() && !good) Add("     kernel  ", Readable(forced.observed), &text);
  if (!verbose && forced.match != Match::kDiffers) return text;
  for (const Order& order : forced.run.orders) {
    Add("     | ", Words(one.question->program(), order), &text);
  }
  return text;
}

std::string StressText(const StressResult& stress, bool verbose) {
  std::string text;
  const auto row = [&text](const StressRow& r) {
    Add(fmt::format("  {:>8} {} ", r.count,
                    !r.allowed ? "FORBIDDEN"
                    : r.torn   ? "(torn)"
                               : " "),
        absl::StrCat(Readable(r.text),
                     r.violates.empty() ? "" : absl::StrCat("  ", Violates(r.violates))),
        &text);
  };
  if (stress.match == Match::kDiffers || verbose) {
    for (const StressRow& r : stress.rows) row(r);
  }
  if (verbose) {
    for (const StressRow& r : stress.unseen) row(r);
  }
  if (stress.asked && (stress.match == Match::kLost || stress.match == Match::kSkipped)) {
    const std::string says = absl::StrCat("stress ", Name(stress.match), ": ", stress.reason);
    for (const std::string& line : base::Wrap(says, kWidth, 2, 4)) {
      absl::StrAppend(&text, line, "\n");
    }
  }
  return text;
}

ordered_json RowsJson(const std::vector<StressRow>& rows) {
  ordered_json list = ordered_json::array();
  for (const StressRow& row : rows) {
    list.push_back({{"count", row.count},
                    {"outcome", row.text},
                    {"allowed", row.allowed},
                    {"torn", row.torn},
                    {"violates", row.violates}});
  }
  return list;
}

ordered_json SearchJson(const StressResult& stress) {
  ordered_json defects = ordered_json::array();
  for (const DefectRow& row : stress.defects) {
    defects.push_back({{"kind", row.kind},
                       {"text", row.text},
                       {"property", row.property},
                       {"of_source", row.of_source},
                       {"of_model", row.of_model}});
  }
  return {{"states", stress.states}, {"defects", std::move(defects)}};
}

}  // namespace

Totals TotalsOf(const Campaign& campaign) {
  Totals totals;
  for (const Case& one : campaign.cases) {
    if (!one.cannot.empty()) {
      ++totals.cannot;
      continue;
    }
    if (one.trace) {
      ++(one.forced.empty() ? totals.not_followed : totals.followed);
      totals.in_order += !one.forced.empty() && one.trace->differences.empty() ? 1 : 0;
    }
    totals.matches += Count(one, Match::kMatches);
    totals.differs += Count(one, Match::kDiffers);
    totals.skipped += Count(one, Match::kSkipped);
    totals.lost += Count(one, Match::kLost);
    const StressResult& stress = one.stress;
    totals.more_forced += !one.trace && !one.all_forced && !one.forced.empty() ? 1 : 0;
    totals.stress_runs += stress.runs;
    for (const StressRow& row : stress.rows) totals.torn += row.torn ? row.count : 0;
    if (!stress.asked) continue;
    totals.stressed += stress.match == Match::kMatches ? 1 : 0;
    totals.stress_differs += stress.match == Match::kDiffers ? 1 : 0;
    totals.stress_skipped += stress.match == Match::kSkipped ? 1 : 0;
    totals.stress_lost += stress.match == Match::kLost ? 1 : 0;
  }
  return totals;
}

std::string HeaderText(const Campaign& campaign, const ReportHeader& header) {
  const auto probe = [&campaign](const char* key) {
    const auto at = campaign.probe.find(key);
    return at == campaign.probe.end() ? std::string("?") : at->second;
  };
  std::string text;
  const auto add = [&text](const std::string& says) {
    for (const std::string& line : base::Wrap(says, kWidth, 0, 2)) {
      absl::StrAppend(&text, line, "\n");
    }
  };
  add(absl::StrCat(header.target, ": Linux ", probe("release"), " ", probe("machine"), ", ",
                   probe("processors"), " processors, ",
                   probe("root") == "yes" ? "as root" : "not as root"));
  for (const auto& [key, value] : campaign.probe) {
    if (key != "root" && absl::StartsWith(value, "no")) {
      add(absl::StrCat("lacks ", key, value.size() > 3 ? ": " + value.substr(3) : ""));
    }
  }
  add(absl::StrCat("model: ", header.variants.empty() ? "6.12.117" : header.variants,
                   header.how.empty() ? "" : absl::StrCat(" (", header.how, ")"), "; knotcheck ",
                   base::kVersion));
  return text;
}

std::string CasesText(const Campaign& campaign, bool verbose) {
  std::string text;
  if (campaign.exhaustive) {
    text =
        fmt::format("{:<36} {:<8} {:>7} {:>9} {:>7}\n", "scenario", "", "outcomes", "states", "");
  }
  for (const Case& one : campaign.cases) {
    if (!one.cannot.empty()) {
      if (verbose || one.trace) {
        const std::string says = absl::StrCat(
            one.trace ? absl::StrCat(base::Ascii(one.trace->file), ": ") : "", one.name, " ",
            one.proposal->name, ": cannot be run on a real kernel: ", one.cannot);
        for (const std::string& line : base::Wrap(says, kWidth, 0, 2)) {
          absl::StrAppend(&text, line, "\n");
        }
      }
      continue;
    }
    std::string line = fmt::format("{:<36} {:<8} ", one.name, one.proposal->name);
    const StressResult& stress = one.stress;
    if (!campaign.exhaustive) {
      absl::StrAppend(&line, "forced ", Count(one, Match::kMatches), "/", one.forced.size());
    }
    if (stress.asked && stress.match != Match::kLost && stress.match != Match::kSkipped) {
      const size_t seen = stress.allowed - stress.unseen.size();
      if (stress.exhaustive) {
        absl::StrAppend(&line, fmt::format("{:>3}/{:<3} {:>9} {:>7.1f} s", seen, stress.allowed,
                                           stress.states, stress.seconds));
      } else {
        absl::StrAppend(&line, "  ", stress.runs, " runs ", seen, "/", stress.allowed);
      }
    }
    const bool bad = Count(one, Match::kDiffers) != 0 || stress.match == Match::kDiffers;
    const bool fits = line.size() + kDiffers.size() + 2 <= kWidth;
    absl::StrAppend(&text, line, !bad ? "" : fits ? "  " : "\n  ", bad ? kDiffers : "", "\n");
    if (one.trace) text += TraceText(one);
    for (const ForcedResult& forced : one.forced) text += ForcedText(one, forced, verbose);
    text += campaign.exhaustive ? ExhaustiveText(one, verbose) : StressText(stress, verbose);
  }
  return text;
}

std::string TotalsText(const Campaign& campaign) {
  const Totals t = TotalsOf(campaign);
  if (campaign.exhaustive) {
    return absl::StrCat("compared: ", t.stressed + t.stress_differs, ", ", t.stressed,
                        " with the same outcomes on both sides, ", t.stress_differs,
                        " that differ\nleft out: ", t.stress_skipped + t.cannot,
                        " that no plan of this kind can say, ", t.stress_lost,
                        " that were not searched to their end\n");
  }
  std::string text = absl::StrCat("forced: ", t.matches, " runs match, ", t.differs, " differ, ",
                                  t.skipped, " skipped, ", t.lost, " lost\n");
  if (t.followed + t.not_followed > 0) {
    absl::StrAppend(&text, "traces: ", t.followed, " are followed, ", t.in_order,
                    " of them in their whole order; ", t.not_followed, " cannot be forced\n");
  }
  size_t unseen = 0;
  size_t unforced = 0;
  for (const Case& one : campaign.cases) {
    unseen += one.stress.match == Match::kMatches ? one.stress.unseen.size() : 0;
    unforced += one.unforced;
  }
  if (t.stressed + t.stress_differs + t.stress_skipped + t.stress_lost > 0) {
    absl::StrAppend(&text, "stress: ", t.stressed, " hold in ", t.stress_runs, " runs, ",
                    t.stress_differs, " show what is forbidden, ", t.stress_skipped, " skipped, ",
                    t.stress_lost, " lost\n", "never observed: ", unseen,
                    " outcomes that the model allows\n");
    if (t.torn > 0) {
      absl::StrAppend(&text, "torn: ", t.torn, " runs read a word half old and half new\n");
    }
    absl::StrAppend(&text, "not to be forced: ", unforced,
                    " outcomes, which need an order that user space cannot make\n");
  }
  if (t.more_forced > 0) {
    absl::StrAppend(&text, "more forced runs (--forced): ", t.more_forced,
                    " scenarios have some\n");
  }
  if (t.cannot > 0) absl::StrAppend(&text, "not run: ", t.cannot, " scenarios (--verbose)\n");
  for (const std::string& why : campaign.breaks) {
    for (const std::string& line : base::Wrap("the target broke off: " + why, kWidth, 0, 2)) {
      absl::StrAppend(&text, line, "\n");
    }
  }
  for (const std::string& report : campaign.reports) {
    absl::StrAppend(&text, "the kernel reports:\n", report, "\n");
  }
  return text;
}

std::string CampaignJson(const Campaign& campaign, const ReportHeader& header) {
  ordered_json json;
  json["format"] = "knotcheck-conform";
  json["version"] = 1;
  json["target"] = header.target;
  json["model"] = header.variants;
  json["how"] = header.how;
  json["probe"] = campaign.probe;
  ordered_json cases = ordered_json::array();
  for (const Case& one : campaign.cases) {
    ordered_json entry;
    entry["scenario"] = one.name;
    entry["proposal"] = one.proposal->name;
    entry["cannot"] = one.cannot;
    entry["all_forced"] = one.all_forced;
    entry["unforced"] = one.unforced;
    entry["forced"] = ordered_json::array();
    for (const ForcedResult& forced : one.forced) {
      ordered_json orders = ordered_json::array();
      for (const Order& order : forced.run.orders) {
        orders.push_back(Words(one.question->program(), order));
      }
      entry["forced"].push_back({{"plan", forced.plan},
                                 {"match", Name(forced.match)},
                                 {"reason", forced.reason},
                                 {"violates", forced.violates},
                                 {"predicted", forced.predicted},
                                 {"observed", forced.observed},
                                 {"orders", orders}});
    }
    if (one.trace) {
      entry["trace"] = {{"file", one.trace->file},
                        {"property", one.trace->property},
                        {"deeds", one.trace->deeds},
                        {"differences", one.trace->differences}};
    }
    if (one.stress.asked) {
      entry["stress"] = {{"match", Name(one.stress.match)},
                         {"reason", one.stress.reason},
                         {"runs", one.stress.runs},
                         {"observed", RowsJson(one.stress.rows)},
                         {"never_observed", RowsJson(one.stress.unseen)}};
      if (one.stress.exhaustive) entry["stress"]["search"] = SearchJson(one.stress);
    }
    cases.push_back(std::move(entry));
  }
  json["cases"] = std::move(cases);
  json["breaks"] = campaign.breaks;
  json["reports"] = campaign.reports;
  return JsonText(json);
}

}  // namespace knotcheck::conform
