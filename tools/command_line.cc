// SPDX-License-Identifier: Apache-2.0

#include "tools/command_line.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "CLI/Option.hpp"
#include "CLI/Validators.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "report/columns.h"
#include "tools/commands.h"
#include "trace/trace.h"

namespace knotcheck::tools {

namespace {

// A whole number in decimal. CLI11 alone takes -1 for a large one, what is too large for the
// largest that there is, and 010 for 8.
CLI::Validator Whole(uint64_t least, uint64_t most) {
  return {[least, most](std::string& text) -> std::string {
            const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
              return absl::ascii_isdigit(static_cast<unsigned char>(c));
            });
            uint64_t number = 0;
            if (digits && absl::SimpleAtoi(text, &number) && number >= least && number <= most) {
              text = absl::StrCat(number);
              return "";
            }
            return absl::StrCat("found '", base::Ascii(text), "', expected a whole number from ",
                                least, " to ", most);
          },
          ""};
}

template <typename T>
void AddNumber(CLI::App* app, const char* name, T* number, uint64_t least, uint64_t most,
               const char* what) {
  app->add_option(name, *number, what)->transform(Whole(least, most))->type_name("N");
}

std::string MinutesFrom(const std::string& text) {
  constexpr double kLeast = 0.001;
  constexpr double kMost = 1e6;
  double minutes = 0;
  if (absl::SimpleAtod(text, &minutes) && minutes >= kLeast && minutes <= kMost) return "";
  return absl::StrCat("found '", base::Ascii(text), "', expected minutes from 0.001 to 1000000");
}

constexpr uint64_t kAnyNumber = ~uint64_t{0};
constexpr char kScenariosHelp[] =
    "scenarios by file or name, -: from standard input, or directories to search for *.scn "
    "(default: the collection)";
constexpr char kJsonHelp[] =
    "also write the results there; -: to stdout, which then has nothing else";

void AddWidthOption(CLI::App* app, size_t* width) {
  *width = 0;
  AddNumber(app, "--width", width, report::kMinWidth, 1000,
            "columns to use (default: the terminal's, else 80)");
}

void AddChanges(CLI::App* app, Changes* changes) {
  app->add_option("--kernel", changes->kernels,
                  "another kernel than 6.12.117: a release, as uname -r has it, too, or variants "
                  "(knotcheck list kernels)")
      ->type_name("RELEASE|VARIANT,...")
      ->allow_extra_args(false);
  app->add_option("--fix", changes->fixes,
                  "with this fix, or these with commas (knotcheck list fixes); repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false);
  // For tests of the properties.
  app->add_option("--mutate", changes->mutations)
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group("");
}

void AddLimits(CLI::App* app, CheckArguments* a) {
  app->add_option("--order", a->order, "bfs: shortest counterexamples; dfs: deep states early")
      ->check(CLI::IsMember({"bfs", "dfs"}).description(""))
      ->type_name("bfs|dfs");
  app->add_option("--reduce", a->reduce,
                  "all (default), none, or of merge,symmetry,renumber,persistent,self-check some")
      ->type_name("LIST");
  AddNumber(app, "--shortest-states", &a->shortest_states, 0, kAnyNumber,
            "how many states the search for shortest counterexamples may find; 0: take those of "
            "the reduced search (default: 2000000)");
  AddNumber(app, "--threads", &a->threads, 1, 256,
            "of each search (default: the processors, divided among the searches)");
  AddNumber(app, "--max-states", &a->max_states, 1, kAnyNumber,
            "end a search that has found this many states");
  app->add_option("--max-memory", a->max_memory,
                  "memory for all searches together, as in 512M or 8GiB (default: 80% of RAM)")
      ->type_name("SIZE");
  AddNumber(app, "--jobs", &a->jobs, 1, 256, "searches at a time (default: the processors)");
}

void AddCheckpoints(CLI::App* app, CheckArguments* a) {
  app->add_option("--checkpoint", a->checkpoint,
                  "save the searches there from time to time, and when they are interrupted")
      ->type_name("DIR");
  app->add_option("--every", a->every_min, "... so often (default: 10)")
      ->check(MinutesFrom)
      ->type_name("MINUTES");
  app->add_option("--resume", a->resume, "go on with the searches that are saved there")
      ->type_name("DIR");
}

void AddOutputs(CLI::App* app, CheckArguments* a) {
  app->add_option("--json", a->json, kJsonHelp)->type_name("FILE");
  app->add_option("--trace-dir", a->trace_dir, "write each counterexample as a file there")
      ->type_name("DIR");
  app->add_option("--traces", a->traces,
                  "counterexamples to show (default: all for one file, else none)")
      ->check(CLI::IsMember({"none", "first", "all"}).description(""))
      ->type_name("none|first|all");
  app->add_flag("--all", a->all, "show every step of a counterexample");
  AddWidthOption(app, &a->width);
  app->add_flag("--liveness", a->liveness,
                "ask of every scenario whether trapped tasks resume, under weak fairness");
  app->add_flag("--profile", a->profile, "show how many states each search found at which depth");
  app->add_flag("--golden", a->golden, "compare with the .expected files beside the scenarios");
  app->add_flag("--rewrite", a->rewrite, "write the .expected files");
  app->add_flag("--quiet", a->quiet, "no progress on stderr");
}

}  // namespace

Command AddCheck(CLI::App& app) {
  CLI::App* check = app.add_subcommand("check", "ask the scenarios' questions");
  const auto arguments = std::make_shared<CheckArguments>();
  check->add_option("paths", arguments->paths, kScenariosHelp)->type_name("FILE|NAME|DIR");
  check
      ->add_option(
          "--proposal", arguments->proposals,
          "only under this one: NAME[@REVISION][+FIX...][/KERNEL...] (default: those of each "
          "'# result:'); repeatable")
      ->type_name("P")
      ->allow_extra_args(false);
  AddChanges(check, &arguments->changes);
  AddLimits(check, arguments.get());
  AddCheckpoints(check, arguments.get());
  AddOutputs(check, arguments.get());
  return {check, [arguments] { return RunCheck(*arguments); }};
}

Command AddConform(CLI::App& app) {
  CLI::App* conform = app.add_subcommand("conform", "run scenarios on a real kernel");
  const auto arguments = std::make_shared<ConformArguments>();
  CLI::Option* const paths =
      conform->add_option("paths", arguments->paths, kScenariosHelp)->type_name("FILE|NAME|DIR");
  conform
      ->add_option("--target", arguments->target,
                   "host (default), qemu:BZIMAGE, or source:DIR|TAR, a kernel's own C files, which "
                   "are searched for all outcomes")
      ->type_name("TARGET");
  conform
      ->add_option("--patch", arguments->patches,
                   "of source: apply this patch to a copy of the files; repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false);
  conform
      ->add_option("--proposal", arguments->proposals,
                   "only under this proposal (default: those of each '# result:'); repeatable")
      ->type_name("P")
      ->allow_extra_args(false);
  conform
      ->add_option("--property", arguments->property, "only forced runs that violate this property")
      ->type_name("NAME");
  AddNumber(conform, "--forced", &arguments->forced, 0, 1000,
            "forced runs of a scenario, at most (default: 16)");
  AddNumber(conform, "--stress", &arguments->stress, 0, 1'000'000,
            "free runs of a scenario (default: 1000)");
  AddNumber(conform, "--seed", &arguments->seed, 0, uint64_t{1} << 62,
            "of the free runs (default: 1)");
  conform
      ->add_option("--runner", arguments->runner,
                   "knot_runner (default: the one that was built with this knotcheck)")
      ->type_name("FILE");
  AddNumber(conform, "--limit", &arguments->limit, 1, 86'400,
            "of all runs, in seconds (default: 900)");
  CLI::Option* const program = conform
                                   ->add_option("--program", arguments->programs,
                                                "run this program there, no scenarios; repeatable")
                                   ->type_name("FILE")
                                   ->allow_extra_args(false);
  CLI::Option* const selftests =
      conform
          ->add_option("--selftests", arguments->selftests,
                       "run the kernel's selftests of this folder, and ask the model of them")
          ->type_name("DIR")
          ->excludes(program);
  conform->add_flag("--markdown", arguments->markdown, "of --selftests: a table in Markdown")
      ->needs(selftests);
  CLI::Option* const trace =
      conform
          ->add_option(
              "--trace", arguments->traces,
              "run what this trace shows, or those of a directory, in its order as far as user "
              "space can make it; repeatable")
          ->type_name("FILE|DIR")
          ->allow_extra_args(false)
          ->excludes(paths)
          ->excludes(program)
          ->excludes(selftests);
  AddChanges(conform, &arguments->changes);
  CLI::Option* const emit = conform
                                ->add_option("--emit-c", arguments->emit_c,
                                             "print a C program that shows what this trace file "
                                             "shows, run nothing")
                                ->type_name("TRACE")
                                ->excludes(trace);
  conform->add_option("--output", arguments->output, "of --emit-c: write it there")
      ->type_name("FILE")
      ->needs(emit);
  CLI::Option* const plans =
      conform->add_flag("--plans", arguments->plans, "print the plans, run nothing");
  CLI::Option* const probe =
      conform->add_flag("--probe", arguments->probe, "say which kernel it is, run nothing else");
  CLI::Option* const json =
      conform->add_option("--json", arguments->json, kJsonHelp)->type_name("FILE");
  for (CLI::Option* const other : {program, selftests, emit, plans, probe}) json->excludes(other);
  conform->add_flag("--verbose", arguments->verbose, "show every run, order and outcome");
  conform->add_flag("--quiet", arguments->quiet, "no progress on stderr");
  return {conform, [arguments, conform] {
            for (const char* const name : {"--forced", "--stress", "--seed", "--property"}) {
              if (conform->count(name) > 0) arguments->of_runs.emplace_back(name);
            }
            return RunConform(*arguments);
          }};
}

Command AddCoverage(CLI::App& app) {
  CLI::App* coverage = app.add_subcommand("coverage", "what of the model no scenario reaches");
  const auto arguments = std::make_shared<CoverageArguments>();
  coverage->add_option("paths", arguments->paths, kScenariosHelp)->type_name("FILE|NAME|DIR");
  coverage
      ->add_option("--proposal", arguments->proposals,
                   "only under this proposal (default: those of each '# result:'); repeatable")
      ->type_name("P")
      ->allow_extra_args(false);
  AddChanges(coverage, &arguments->changes);
  coverage
      ->add_option("--gaps", arguments->gaps,
                   "the list of what cannot be reached (default: docs/coverage-gaps.tsv)")
      ->type_name("FILE");
  coverage->add_option("--json", arguments->json, kJsonHelp)->type_name("FILE");
  AddWidthOption(coverage, &arguments->width);
  coverage->add_flag("--quiet", arguments->quiet, "no progress on stderr");
  return {coverage, [arguments] { return RunCoverage(*arguments); }};
}

Command AddFixes(CLI::App& app) {
  CLI::App* fixes = app.add_subcommand("fixes", "find the smallest sets of fixes");
  const auto arguments = std::make_shared<FixesArguments>();
  fixes
      ->add_option("paths", arguments->paths,
                   "as for check; those whose '# result:' names the proposal are asked")
      ->type_name("FILE|NAME|DIR");
  fixes->add_option("--proposal", arguments->proposal, "for this one")->required()->type_name("P");
  fixes->add_option("--json", arguments->json, kJsonHelp)->type_name("FILE");
  AddWidthOption(fixes, &arguments->width);
  fixes->add_flag("--quiet", arguments->quiet, "no progress on stderr");
  return {fixes, [arguments] { return RunFixes(*arguments); }};
}

Command AddList(CLI::App& app) {
  CLI::App* list = app.add_subcommand("list", "what there is to name");
  const auto arguments = std::make_shared<ListArguments>();
  list->add_option("what", arguments->what,
                   "scenarios, choices, proposals, properties, kernels, fixes or mutations")
      ->required()
      ->check([](const std::string& word) -> std::string {
        const std::vector<std::string> known = {"scenarios", "choices", "proposals", "properties",
                                                "kernels",   "fixes",   "mutations"};
        for (const std::string& name : known) {
          if (name == word) return "";
        }
        return base::UnknownName("one", word, known);
      });
  list->add_option("paths", arguments->paths, "for scenarios and choices: as for check")
      ->type_name("FILE|NAME|DIR");
  AddWidthOption(list, &arguments->width);
  return {list, [arguments] { return RunList(*arguments); }};
}

Command AddShow(CLI::App& app) {
  CLI::App* show = app.add_subcommand("show", "print a trace file");
  const auto arguments = std::make_shared<ShowArguments>();
  show->add_option("trace", arguments->trace,
                   "written by knotcheck check --trace-dir; -: from standard input")
      ->required()
      ->type_name("TRACE");
  show->add_option("--format", arguments->format, "columns (default) or json")
      ->check(CLI::IsMember({"columns", "json"}).description(""))
      ->type_name("columns|json");
  show->add_flag("--all", arguments->all, "show every step");
  show->add_option("--source", arguments->source,
                   "the steps beside the lines of the kernel tree in this directory")
      ->type_name("DIR")
      ->excludes("--all")
      ->excludes("--format");
  AddWidthOption(show, &arguments->width);
  return {show, [arguments] { return RunShow(*arguments); }};
}

Command AddReplay(CLI::App& app) {
  CLI::App* replay = app.add_subcommand("replay", "take the steps of a trace again");
  const auto arguments = std::make_shared<ShowArguments>();
  replay->add_option("trace", arguments->trace, "a trace file; with --scenario a path, as 0:aab3c")
      ->required()
      ->type_name("TRACE|PATH");
  CLI::Option* scenario =
      replay->add_option("--scenario", arguments->scenario, "the scenario that a path is of")
          ->type_name("FILE|NAME");
  replay
      ->add_option("--proposal", arguments->proposal,
                   "of a path: NAME[@REVISION][+FIX...][/KERNEL...] (default: baseline)")
      ->type_name("P")
      ->needs(scenario);
  replay->add_option("--property", arguments->property, "what a path must violate")
      ->type_name("NAME")
      ->needs(scenario);
  AddChanges(replay, &arguments->changes);
  replay->add_flag("--all", arguments->all, "show every step");
  replay->add_flag("--quiet", arguments->quiet, "say only what came of it");
  AddWidthOption(replay, &arguments->width);
  return {replay, [arguments] { return RunReplay(*arguments); }};
}

Command AddSimulate(CLI::App& app) {
  CLI::App* simulate = app.add_subcommand("simulate", "take random walks");
  const auto arguments = std::make_shared<SimulateArguments>();
  simulate->add_option("scenario", arguments->scenario, "by file or name; -: from standard input")
      ->required()
      ->type_name("FILE|NAME");
  simulate
      ->add_option("--proposal", arguments->proposals,
                   "under this one (default: those of its '# result:'); repeatable")
      ->type_name("P")
      ->allow_extra_args(false);
  AddChanges(simulate, &arguments->changes);
  AddNumber(simulate, "--seed", &arguments->seed, 0, kAnyNumber,
            "the same seed gives the same walks (default: 1)");
  AddNumber(simulate, "--walks", &arguments->walks, 1, kAnyNumber, "(default: 1000)");
  AddNumber(simulate, "--steps", &arguments->steps, 1, trace::kMaxTraceSteps,
            "of one walk, at most (default: 10000)");
  AddWidthOption(simulate, &arguments->width);
  simulate->add_flag("--quiet", arguments->quiet, "no progress on stderr");
  return {simulate, [arguments] { return RunSimulate(*arguments); }};
}

Command AddSweep(CLI::App& app) {
  CLI::App* sweep =
      app.add_subcommand("sweep", "which arguments of which system calls a proposal protects");
  const auto arguments = std::make_shared<SweepArguments>();
  sweep
      ->add_option("calls", arguments->calls,
                   "only these, with a counterexample each (default: the whole table)")
      ->type_name("CALL");
  sweep->add_option("--proposal", arguments->proposal, "the proposal")->required()->type_name("P");
  AddChanges(sweep, &arguments->changes);
  sweep->add_option("--json", arguments->json, kJsonHelp)->type_name("FILE");
  sweep->add_option("--trace-dir", arguments->trace_dir, "write each counterexample there")
      ->type_name("DIR");
  sweep->add_option("--scenario-dir", arguments->scenario_dir, "write each scenario there")
      ->type_name("DIR");
  AddNumber(sweep, "--jobs", &arguments->jobs, 1, 256,
            "searches at a time (default: the processors)");
  AddWidthOption(sweep, &arguments->width);
  sweep->add_flag("--quiet", arguments->quiet, "no progress on stderr");
  return {sweep, [arguments] { return RunSweep(*arguments); }};
}

}  // namespace knotcheck::tools
