// SPDX-License-Identifier: Apache-2.0
//
// C as text: literals, lines of 80 columns, comments, and which of the prelude is needed.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "conform/emit/pieces.h"
#include "conform/force/observed.h"

namespace knotcheck::conform {

using Words = std::vector<std::string>;

int Number(const std::string& word);

// A C string literal, with octal where a byte cannot stand for itself.
std::string Literal(const std::string& bytes);

// AF_UNIX and a NUL at the beginning: an abstract name.
std::string AsSockaddr(std::string bytes);

// A predicted detail as the program prints what it sees; nullopt: nobody can predict it.
std::optional<std::string> Expected(const std::string& detail, bool sockaddr);

// A statement with `tabs` before it, in as many lines as it needs.
std::string Line(size_t tabs, const std::string& statement);

// Text inside a comment, each line after " *" and `before`, what is wrapped after `more` as well.
std::string Comment(const std::string& text, const std::string& before, const std::string& more);

// The pieces that `body` needs, in front of it.
std::string WithPrelude(const std::vector<PreludePiece>& pieces, const std::string& body);

// A name of the scenario as C may have it.
std::string Identifier(std::string name);

// "-EACCES", "6" or "ANY".
std::string RetText(const Token& token);

}  // namespace knotcheck::conform
