// SPDX-License-Identifier: Apache-2.0

#pragma once

namespace knotcheck::base {

// Of knotcheck; CMakeLists.txt has the same.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace knotcheck::base
