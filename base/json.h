// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "nlohmann/json_fwd.hpp"

namespace knotcheck {

// How every file that is written looks: two blanks a level, a newline at the end. Names of files
// need not be UTF-8; what is not is shown as U+FFFD rather than thrown at.
std::string JsonText(const nlohmann::ordered_json& json);

}  // namespace knotcheck
