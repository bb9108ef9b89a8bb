// SPDX-License-Identifier: Apache-2.0
//
// A campaign's results as text and as JSON (docs/conform-schema.json).

#pragma once

#include <string>

#include "conform/campaign.h"

namespace knotcheck::conform {

struct ReportHeader {
  std::string target;    // "host" or "qemu:FILE"
  std::string variants;  // the model's, as the report names them; empty: 6.12.117
  std::string how;       // how the variants were found
};

struct Totals {
  size_t matches = 0, differs = 0, skipped = 0, lost = 0;  // forced runs
  size_t stressed = 0, stress_differs = 0, stress_skipped = 0, stress_lost = 0;
  uint64_t stress_runs = 0;
  uint64_t torn = 0;       // of them, with a word that was read half old and half new
  size_t more_forced = 0;  // scenarios that have more forced runs than were asked for
  size_t cannot = 0;       // cases that no plan can say
  // Traces: with a forced run, with one in the whole order of the trace, with none.
  size_t followed = 0, in_order = 0, not_followed = 0;
};
Totals TotalsOf(const Campaign& campaign);

// "host: Linux 6.18.44 x86_64, 2 processors, as root" and what the kernel lacks.
std::string HeaderText(const Campaign& campaign, const ReportHeader& header);
// One line a case, "forced 3/4  1000 runs 5/6": runs that match, allowed outcomes that were seen;
// and what differs; `verbose`: each forced run's orders, each stress' table.
std::string CasesText(const Campaign& campaign, bool verbose);
std::string TotalsText(const Campaign& campaign);
std::string CampaignJson(const Campaign& campaign, const ReportHeader& header);

}  // namespace knotcheck::conform
