// SPDX-License-Identifier: Apache-2.0

#include "lang/claims.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "lang/lexer.h"
#include "lang/parse.h"
#include "model/property.h"

namespace knotcheck::lang {

absl::StatusOr<std::vector<model::Operand>> ClaimedOperands(const Scenario& scenario) {
  std::vector<std::string> properties;
  for (const model::PropertyInfo& info : model::AllProperties()) properties.push_back(info.name);
  std::vector<model::Operand> operands;
  for (const Claim& claim : scenario.header.results) {
    size_t at = 0;
    auto operand = model::ParseOperand(claim.operand, &at);
    if (!operand.ok()) {
      Location where = claim.where;
      where.column += static_cast<int>(at);
      return ErrorAt(scenario.file, where, operand.status().message());
    }
    for (const model::Operand& other : operands) {
      if (!model::SameQuestion(other, *operand)) continue;
      return ErrorAt(scenario.file, claim.where,
                     absl::StrCat("found a second result of ", Quoted(ToString(other)),
                                  ", expected one for each proposal"));
    }
    for (const std::string& name : claim.properties) {
      if (std::find(properties.begin(), properties.end(), name) != properties.end()) continue;
      return ErrorAt(scenario.file, claim.where, base::UnknownName("a property", name, properties));
    }
    operands.push_back(*std::move(operand));
  }
  return operands;
}

const Claim* ClaimAbout(const Header& header, const model::Operand& operand) {
  for (const Claim& claim : header.results) {
    const auto claimed = model::ParseOperand(claim.operand);
    if (claimed.ok() && model::SameQuestion(*claimed, operand)) return &claim;
  }
  return nullptr;
}

}  // namespace knotcheck::lang
