// SPDX-License-Identifier: Apache-2.0

#include "model/property.h"

#include <algorithm>

#include "base/check.h"

namespace knotcheck::model {
namespace {

std::vector<PropertyInfo>& Registry() {
  static auto* const registry = new std::vector<PropertyInfo>;
  return *registry;
}

}  // namespace

int RegisterProperty(PropertyInfo info) {
  auto& registry = Registry();
  const auto at = std::lower_bound(
      registry.begin(), registry.end(), info,
      [](const PropertyInfo& a, const PropertyInfo& b) { return a.name < b.name; });
  KNOT_CHECK(at == registry.end() || at->name != info.name);
  registry.insert(at, std::move(info));
  return static_cast<int>(registry.size());
}

const std::vector<PropertyInfo>& AllProperties() { return Registry(); }

}  // namespace knotcheck::model
