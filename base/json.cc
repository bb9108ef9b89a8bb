// SPDX-License-Identifier: Apache-2.0

#include "base/json.h"

#include "nlohmann/json.hpp"

namespace knotcheck {

std::string JsonText(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace knotcheck
