// SPDX-License-Identifier: Apache-2.0

#include "tools/command_line.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "CLI/Option.hpp"
#include "CLI/Validators.hpp"
#include "base/text.h"
#include "report/columns.h"
#include "tools/commands.h"
#include "trace/trace.h"

namespace knotcheck::tools {

namespace {

void AddWidthOption(CLI::App* app, size_t* width) {
  *width = 0;
  app->add_option("--width", *width, "columns to use (default: the terminal's, else 80)")
      ->check(CLI::Range(report::kMinWidth, size_t{1000}).description(""))
      ->type_name("N");
}

void AddKernelOptions(CLI::App* app, std::vector<std::string>* kernels,
                      std::vector<std::string>* mutations, std::vector<std::string>* fixes) {
  app->add_option("--kernel", *kernels,
                  "another kernel than 6.12.117: a release, or variants (knotcheck list kernels)")
      ->type_name("RELEASE|VARIANT,...")
      ->allow_extra_args(false);
  app->add_option("--fix", *fixes,
                  "with this fix, or these with commas (knotcheck list fixes); repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false);
  // For tests of the properties.
  app->add_option("--mutate", *mutations)->type_name("NAME")->allow_extra_args(false)->group("");
}

void AddLimits(CLI::App* app, CheckArguments* a) {
  app->add_option("--order", a->order, "bfs: shortest counterexamples; dfs: deep states early")
      ->check(CLI::IsMember({"bfs", "dfs"}).description(""))
      ->type_name("bfs|dfs");
  app->add_option("--reduce", a->reduce,
                  "all (default), none, or of merge,symmetry,renumber,persistent,self-check some")
      ->type_name("LIST");
  app->add_option("--shortest-states", a->shortest_states,
                  "how many states the search for shortest counterexamples may find; 0: take those "
                  "of the reduced search (default: 2000000)")
      ->type_name("N");
  app->add_option("--threads", a->threads,
                  "of each search (default: the processors, divided among the searches)")
      ->check(CLI::Range(1, 256).description(""))
      ->type_name("N");
  app->add_option("--max-states", a->max_states, "end a search that has found this many states")
      ->check(CLI::Range(uint64_t{1}, ~uint64_t{0}).description(""))
      ->type_name("N");
  app->add_option("--max-memory", a->max_memory,
                  "memory for all searches together, as in 512MiB or 8GiB (default: 80% of RAM)")
      ->type_name("SIZE");
  app->add_option("--jobs", a->jobs, "searches at a time (default: the processors)")
      ->check(CLI::Range(size_t{1}, size_t{256}).description(""))
      ->type_name("N");
}

void AddCheckpoints(CLI::App* app, CheckArguments* a) {
  app->add_option("--checkpoint", a->checkpoint,
                  "save the searches there from time to time, and when they are interrupted")
      ->type_name("DIR");
  app->add_option("--every", a->every_min, "... so often (default: 10)")
      ->check(CLI::Range(0.001, 1e6).description(""))
      ->type_name("MINUTES");
  app->add_option("--resume", a->resume, "go on with the searches that are saved there")
      ->type_name("DIR");
}

void AddOutputs(CLI::App* app, CheckArguments* a) {
  app->add_option("--json", a->json, "also write the results there")->type_name("FILE");
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
  check
      ->add_option("paths", arguments->paths,
                   "scenarios, or directories to search for *.scn (default: scenarios)")
      ->type_name("FILE|DIR");
  check
      ->add_option(
          "--proposal", arguments->proposals,
          "only under this one: NAME[@REVISION][+FIX...][/KERNEL...] (default: those of each "
          "'# result:'); repeatable")
      ->type_name("P")
      ->allow_extra_args(false);
  AddKernelOptions(check, &arguments->kernels, &arguments->mutations, &arguments->fixes);
  AddLimits(check, arguments.get());
  AddCheckpoints(check, arguments.get());
  AddOutputs(check, arguments.get());
  return {check, [arguments] { return RunCheck(*arguments); }};
}

Command AddConform(CLI::App& app) {
  CLI::App* conform = app.add_subcommand("conform", "run scenarios on a real kernel");
  const auto arguments = std::make_shared<ConformArguments>();
  CLI::Option* const paths =
      conform
          ->add_option("paths", arguments->paths,
                       "scenarios, or directories to search for *.scn (default: scenarios)")
          ->type_name("FILE|DIR");
  conform->add_option("--target", arguments->target, "host (default), or qemu:BZIMAGE")
      ->type_name("TARGET");
  conform
      ->add_option("--proposal", arguments->proposals,
                   "only under this proposal (default: those of each '# result:'); repeatable")
      ->type_name("P")
      ->allow_extra_args(false);
  conform
      ->add_option("--property", arguments->property, "only forced runs that violate this property")
      ->type_name("NAME");
  conform
      ->add_option("--forced", arguments->forced,
                   "forced runs of a scenario, at most (default: 16)")
      ->check(CLI::Range(0, 1000).description(""))
      ->type_name("N");
  conform->add_option("--stress", arguments->stress, "free runs of a scenario (default: 1000)")
      ->check(CLI::Range(0, 1'000'000).description(""))
      ->type_name("N");
  conform->add_option("--seed", arguments->seed, "of the free runs (default: 1)")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 62).description(""))
      ->type_name("N");
  conform
      ->add_option("--runner", arguments->runner,
                   "knot_runner (default: the one that was built with this knotcheck)")
      ->type_name("FILE");
  conform->add_option("--limit", arguments->limit, "of all runs, in seconds (default: 900)")
      ->check(CLI::Range(1, 86'400).description(""))
      ->type_name("N");
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
  AddKernelOptions(conform, &arguments->kernels, &arguments->mutations, &arguments->fixes);
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
      conform->add_option("--json", arguments->json, "also write the results there")
          ->type_name("FILE");
  for (CLI::Option* const other : {program, selftests, emit, plans, probe}) json->excludes(other);
  conform->add_flag("--verbose", arguments->verbose, "show every run, order and outcome");
  conform->add_flag("--quiet", arguments->quiet, "no progress on stderr");
  return {conform, [arguments] { return RunConform(*arguments); }};
}

Command AddCoverage(CLI::App& app) {
  CLI::App* coverage = app.add_subcommand("coverage", "what of the model no scenario reaches");
  const auto arguments = std::make_shared<CoverageArguments>();
  coverage
      ->add_option("paths", arguments->paths,
                   "scenarios, or directories to search for *.scn (default: scenarios)")
      ->type_name("FILE|DIR");
  coverage
      ->add_option("--proposal", arguments->proposals,
                   "only under this proposal (default: those of each '# result:'); repeatable")
      ->type_name("P")
      ->allow_extra_args(false);
  AddKernelOptions(coverage, &arguments->kernels, &arguments->mutations, &arguments->fixes);
  coverage
      ->add_option("--gaps", arguments->gaps,
                   "the list of what cannot be reached (default: docs/coverage-gaps.tsv)")
      ->type_name("FILE");
  coverage->add_option("--json", arguments->json, "also write the results there")
      ->type_name("FILE");
  AddWidthOption(coverage, &arguments->width);
  coverage->add_flag("--quiet", arguments->quiet, "no progress on stderr");
  return {coverage, [arguments] { return RunCoverage(*arguments); }};
}

Command AddFixes(CLI::App& app) {
  CLI::App* fixes = app.add_subcommand("fixes", "find the smallest sets of fixes");
  const auto arguments = std::make_shared<FixesArguments>();
  fixes
      ->add_option("paths", arguments->paths,
                   "scenarios, or directories to search for *.scn (default: scenarios); those "
                   "whose '# result:' names the proposal are asked")
      ->type_name("FILE|DIR");
  fixes->add_option("--proposal", arguments->proposal, "for this one")->required()->type_name("P");
  fixes->add_option("--json", arguments->json, "also write the results there")->type_name("FILE");
  AddWidthOption(fixes, &arguments->width);
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
  list->add_option("paths", arguments->paths,
                   "for scenarios and choices: where (default: scenarios)")
      ->type_name("FILE|DIR");
  AddWidthOption(list, &arguments->width);
  return {list, [arguments] { return RunList(*arguments); }};
}

Command AddShow(CLI::App& app) {
  CLI::App* show = app.add_subcommand("show", "print a trace file");
  const auto arguments = std::make_shared<ShowArguments>();
  show->add_option("trace", arguments->trace, "written by knotcheck check --trace-dir")
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
          ->type_name("FILE");
  replay
      ->add_option("--proposal", arguments->proposal,
                   "of a path: NAME[@REVISION][+FIX...][/KERNEL...] (default: baseline)")
      ->type_name("P")
      ->needs(scenario);
  replay->add_option("--property", arguments->property, "what a path must violate")
      ->type_name("NAME")
      ->needs(scenario);
  AddKernelOptions(replay, &arguments->kernels, &arguments->mutations, &arguments->fixes);
  replay->add_flag("--all", arguments->all, "show every step");
  replay->add_flag("--quiet", arguments->quiet, "say only what came of it");
  AddWidthOption(replay, &arguments->width);
  return {replay, [arguments] { return RunReplay(*arguments); }};
}

Command AddSimulate(CLI::App& app) {
  CLI::App* simulate = app.add_subcommand("simulate", "take random walks");
  const auto arguments = std::make_shared<SimulateArguments>();
  simulate->add_option("scenario", arguments->scenario)->required()->type_name("FILE");
  simulate
      ->add_option("--proposal", arguments->proposals,
                   "under this one (default: those of its '# result:'); repeatable")
      ->type_name("P")
      ->allow_extra_args(false);
  AddKernelOptions(simulate, &arguments->kernels, &arguments->mutations, &arguments->fixes);
  simulate->add_option("--seed", arguments->seed, "the same seed gives the same walks (default: 1)")
      ->type_name("N");
  simulate->add_option("--walks", arguments->walks, "(default: 1000)")
      ->check(CLI::Range(uint64_t{1}, ~uint64_t{0}).description(""))
      ->type_name("N");
  simulate->add_option("--steps", arguments->steps, "of one walk, at most (default: 10000)")
      ->check(CLI::Range(uint64_t{1}, uint64_t{trace::kMaxTraceSteps}).description(""))
      ->type_name("N");
  AddWidthOption(simulate, &arguments->width);
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
  AddKernelOptions(sweep, &arguments->kernels, &arguments->mutations, &arguments->fixes);
  sweep->add_option("--json", arguments->json, "also write the results there")->type_name("FILE");
  sweep->add_option("--trace-dir", arguments->trace_dir, "write each counterexample there")
      ->type_name("DIR");
  sweep->add_option("--scenario-dir", arguments->scenario_dir, "write each scenario there")
      ->type_name("DIR");
  sweep->add_option("--jobs", arguments->jobs, "searches at a time (default: the processors)")
      ->check(CLI::Range(size_t{1}, size_t{256}).description(""))
      ->type_name("N");
  AddWidthOption(sweep, &arguments->width);
  sweep->add_flag("--quiet", arguments->quiet, "no progress on stderr");
  return {sweep, [arguments] { return RunSweep(*arguments); }};
}

}  // namespace knotcheck::tools
