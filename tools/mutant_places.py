# SPDX-License-Identifier: Apache-2.0
"""Where tools/mutants.py may change a C++ source, and how: a tokenizer, no parser of C++. It leans
on how clang-format leaves the sources, and now and then offers what does not compile.

Kinds: a condition negated, a bound moved, a + 1 or - 1 left out, a constant one off, && and ||, |=
and &=, true and false exchanged, continue that is break, a statement dropped, two arguments of one
type swapped, a field replaced by another of its type that the same object is asked for nearby.
"""
import bisect
import collections
import pathlib
import random
import re

ROOMS = ["model", "checker", "lang", "verify", "conform/force"]

TOKEN = re.compile(r"""
    (?P<masked> //[^\n]* | /\*.*?\*/ | \#(?:\\\n|[^\n])*)
  | (?P<string> (?:u8|[uUL])?(?:R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)" | "(?:\\.|[^"\\\n])*"))
  | (?P<char> '(?:\\.|[^'\\\n])+')
  | (?P<number> \.?\d(?:[eEpP][+-]|[\w.]|'(?=\w))*)
  | (?P<name> [A-Za-z_]\w*)
  | (?P<op> <=> | <<= | -> | :: | \+\+ | -- | && | \|\| | [-+*/%&|^<>=!]= | << | \S)
  """, re.S | re.X)
# Their lines, to the closing bracket, are left alone.
UNTOUCHED = {"KNOT_CHECK", "static_assert", "STEP", "namespace"}
KEYWORDS = set("""alignas auto break case catch class const constexpr continue decltype default
    delete do else enum explicit false for friend goto if inline new operator return sizeof static
    static_cast struct switch template this throw true try typename union using while
    reinterpret_cast requires""".split())
UNSIGNED = {"uint8_t", "uint16_t", "uint32_t", "uint64_t", "size_t", "Value", "FixSet"}
INTEGERS = UNSIGNED | {"int", "int8_t", "int16_t", "int32_t", "int64_t", "Ret"}
ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
ENDS_OPERAND = ASSIGN | {",", ";", "?", ":", "return", "&&", "||"}
OTHERS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "|=": "&=",
          "&=": "|=", "&&": "||", "||": "&&", "true": "false", "false": "true"}
KINDS = {"true": "boolean", "false": "boolean", "|=": "or-assign", "&=": "or-assign"}

Token = collections.namedtuple("Token", "kind text start end line")
Mutant = collections.namedtuple("Mutant", "file line kind start end text")  # for [start, end)


class Source:
    """One file: its tokens, what encloses them, what its names are declared as."""

    def __init__(self, file: str, text: str):
        self.file, self.text = file, text
        self.newlines = [i for i, c in enumerate(text) if c == "\n"]
        self.untouched: set[int] = set()  # lines
        self.tokens: list[Token] = []
        for match in TOKEN.finditer(text):
            line = self.line(match.start())
            if match.lastgroup in ("masked", "string"):
                self.untouched.update(range(line, self.line(match.end() - 1) + 1))
            if match.lastgroup != "masked":
                self.tokens.append(Token(match.lastgroup, match[0], *match.span(), line))
        self.words = [token.text for token in self.tokens] + [""] * 4
        self.pair: dict[int, int] = {}
        stack: list[int] = []
        for i, word in enumerate(self.words):
            if word in ("(", "[", "{"):
                stack.append(i)
            elif word in (")", "]", "}") and stack:
                self.pair[i] = stack.pop()
                self.pair[self.pair[i]] = i
        # By token, the bracket that encloses it and what that is: a 'body' of statements, a 'type'
        # or namespace, or a 'list'; and whether that is in a function.
        self.around: list[tuple[int, str, bool]] = []
        around = [(-1, "type", False)]
        for i, word in enumerate(self.words):
            if word in (")", "]", "}") and i in self.pair:
                around.pop()
            self.around.append(around[-1])
            if word in ("(", "[", "{") and i in self.pair:
                kind = "list" if word != "{" else self._brace(i, around[-1][1])
                around.append((i, kind, kind == "body" or kind == "list" and around[-1][2]))
        for i, token in enumerate(self.tokens):
            if token.text in UNTOUCHED:
                last = self.after(i + 1) - 1 if self.words[i + 1] == "(" else i
                self.untouched.update(range(token.line, self.tokens[last].line + 1))
        self.declared = collections.defaultdict(list)  # by name: where it is and as what
        self.structs = collections.defaultdict(dict)  # by bracket: its fields' types
        self._find_declarations()

    def line(self, offset: int) -> int:
        return bisect.bisect_left(self.newlines, offset) + 1

    def after(self, i: int) -> int:
        """The token after this one, or after the bracket that it opens."""
        return self.pair.get(i, i) + 1 if self.words[i] in ("(", "[", "{") else i + 1

    def is_name(self, i: int) -> bool:
        return self.tokens[i].kind == "name" and self.words[i] not in KEYWORDS

    def glued(self, i: int) -> bool:
        """To what is before it: as the sources are formatted, no operator of two operands."""
        return not self.text[self.tokens[i].start - 1].isspace()

    def spaced(self, i: int) -> bool:
        return not self.glued(i) and self.text[self.tokens[i].end].isspace()

    def between(self, first: int, last: int) -> str:
        return self.text[self.tokens[first].start:self.tokens[last].end]

    def _brace(self, i: int, enclosing: str) -> str:
        words, j = self.words, i - 1
        if "requires" in (words[j], words[self.pair.get(j, j) - 1]):
            return "type"
        while self.tokens[j].kind == "name" or words[j] in ("::", "<", ">", "*", "&", ","):
            j -= 1
        if words[i - 1] in (")", "]", "else", "do", "try", "mutable", "noexcept", "override"):
            return "body"  # of a function, a lambda or a statement
        if words[j] == ")" and words[j + 1:i] == ["const"] or words[j] == "->":
            return "body"
        if words[i - 1] == "(" and words[i - 2].isupper():
            return "body"  # CALL({...})
        if enclosing == "type" and words[i - 1] == "}":
            return "body"  # of a constructor, after x_{...}
        if enclosing == "body" and words[i - 1] in (";", "{", "}", ":"):
            return "body"
        while words[j] not in (";", "{", "}", "") and j >= 0:
            j -= 1
        types = {"struct", "class", "union", "enum", "namespace"} & set(words[j + 1:i])
        return "type" if types else "list"

    def _find_declarations(self) -> None:
        for i in range(1, len(self.tokens)):
            if not self.is_name(i) or self.words[i + 1] not in (";", "=", "{", ",", ")", "[", ":"):
                continue
            last = i - 1
            while self.words[last] in ("*", "&", "&&") and self.glued(last) or \
                    self.words[last] == "const":
                last -= 1
            first = last
            if self.words[last] == ">":
                while first > 0 and self.words[first] not in ("<", ";", "(", "{"):
                    first -= 1
                first -= 1
            if not self.is_name(first):
                continue
            stars = "*" * self.words[last + 1:i].count("*")
            while True:  # T a, b[2];
                end = self.after(i + 1) if self.words[i + 1] == "[" else i + 1
                kind = "".join(self.words[first:last + 1]) + stars + "[]" * (end > i + 1)
                self.declared[self.words[i]].append((i, kind))
                if self.around[i][1] == "type":
                    self.structs[self.around[i][0]][self.words[i]] = kind
                if self.words[end] != "," or self.words[end + 2] not in (",", ";", "=", "["):
                    break
                i = end + 1

    def mutant(self, kind: str, first: int, last: int, text: str) -> list[Mutant]:
        """Tokens first to last replaced; nothing where a line is to be left alone."""
        start, end, line = self.tokens[first].start, self.tokens[last].end, self.tokens[first].line
        if self.untouched & set(range(line, self.line(end) + 1)):
            return []
        return [Mutant(self.file, line, kind, start, end, text)]


class Places:
    """The places of one file, `found`: a list of alternatives each."""

    def __init__(self, source: Source, structs: list[dict[str, str]]):
        self.s, self.words, self.structs = source, source.words, structs
        found = []
        for i, (word, token) in enumerate(zip(self.words, source.tokens)):
            if word == "{" and source.around[i + 1][1] == "body":
                found += self.statements(i)
            if not source.around[i][2]:
                continue
            if word in KINDS:
                found.append(source.mutant(KINDS[word], i, i, OTHERS[word]))
            elif word in ("&&", "||") and source.spaced(i):
                found.append(self.and_or(i))
            elif word in OTHERS and source.spaced(i):
                unsigned = self.words[i - 1] == ")" or self.kinds(i - 1) & UNSIGNED
                if not (word == ">" and self.words[i + 1] == "0" and unsigned):  # a warning
                    found.append(source.mutant("bound", i, i, OTHERS[word]))
            elif word in ("+", "-") and source.spaced(i) and self.words[i + 1] == "1" and \
                    self.words[i + 2] not in ("*", "/", "%"):
                found.append(source.mutant("plus-one", i - 1, i + 1, self.words[i - 1]))
            elif token.kind == "number":
                found.append(self.constant(i))
            elif word == "(":
                found += self.swaps(i)
            elif self.is_field(i):
                found.append(self.field(i))
        self.found = [place for place in found if place]

    def kinds(self, i: int) -> set[str]:
        """As what the name at token i may be declared."""
        before = [kind for at, kind in self.s.declared.get(self.words[i], []) if at < i]
        if before and self.words[i - 1] not in (".", "->"):
            return {before[-1]}
        return {fields[self.words[i]] for fields in self.structs if self.words[i] in fields}

    def statements(self, body: int) -> list[list[Mutant]]:
        """Conditions, continue, and what can be dropped, directly in one body."""
        s, words, found, i = self.s, self.words, [], body + 1
        while i < s.pair[body]:
            if words[i] in ("if", "while", "for", "switch", "catch"):
                opens = i + 1 if words[i + 1] == "(" else i + 2
                if words[i] in ("if", "while") and opens == i + 1:  # not if constexpr
                    found.append(self.negated(opens))
                i = s.pair[opens] + 1
            elif words[i] in ("else", "do", "try", ";", "{"):
                i = s.after(i)
            elif words[i] == "case" or words[i + 1] == ":":  # a label
                i = words.index(":", i) + 1
            else:
                first, outside = i, []  # of brackets
                while i < s.pair[body] and words[i] != ";":
                    outside.append(i)
                    i = s.after(i)
                if words[first:i] == ["continue"]:
                    found.append(s.mutant("continue", first, first, "break"))
                elif words[i] == ";" and self.can_be_dropped(outside):
                    # As it stays there, nothing becomes unused; but a macro may hold labels.
                    text = f"{{ if (false) {s.between(first, i)} }}"
                    macro = re.fullmatch("[A-Z_]+", words[first])
                    found.append(s.mutant("drop", first, i, "{}" if macro else text))
                i += 1
        return found

    def can_be_dropped(self, outside: list[int]) -> bool:
        """Calls, assignments, returns without a value; `outside`: the tokens outside brackets."""
        words = [self.words[i] for i in outside]
        if words == ["return"]:
            return True
        if words[0] in KEYWORDS - {"this"} | {"[", "("} or "reserve" in words:
            return False  # without reserve() it is only slower
        for i in outside[1:]:  # "T x", "T* x": a declaration
            if self.s.is_name(i) and (self.s.is_name(i - 1) or self.s.glued(i - 1) and
                                      self.words[i - 1] in (">", "*", "&")) and i - 1 in outside:
                return False
        return bool(ASSIGN & set(words)) or "++" in words or "--" in words or words[-1] == "("

    def negated(self, opens: int) -> list[Mutant]:
        first, outside, i = opens + 1, [], opens + 1
        while i < self.s.pair[opens]:
            outside.append(self.words[i])
            if self.words[i] == ";":
                first, outside = i + 1, []
            i = self.s.after(i)
        if ASSIGN & set(outside) or outside in (["true"], ["false"]):  # perhaps a declaration
            return []
        condition = self.s.between(first, i - 1)
        return self.s.mutant("negate", first, i - 1, f"!({condition})")

    def and_or(self, i: int) -> list[Mutant]:
        """Only the two operands beside the operator, where there are more."""
        s, first, last = self.s, i, i
        while self.words[first - 1] not in ENDS_OPERAND | {"(", "[", "{"}:
            first = s.pair.get(first - 1, first - 1)
        while self.words[last + 1] not in ENDS_OPERAND | {")", "]", "}"}:
            last = s.after(last + 1) - 1
        text = s.text[s.tokens[first].start:s.tokens[i].start] + OTHERS[self.words[i]] + \
            s.text[s.tokens[i].end:s.tokens[last].end]
        more = {self.words[first - 1], self.words[last + 1]} & {"&&", "||"}
        return s.mutant("and-or", first, last, f"({text})" if more else text)

    def constant(self, i: int) -> list[Mutant]:
        s, token, before = self.s, self.s.tokens[i], self.words[i - 1]
        number = re.fullmatch(r"(0x[0-9a-fA-F]+|\d+)([uUlL]*)", token.text)
        template = before == "<" and not s.spaced(i - 1) or \
            self.words[i + 1] == ">" and s.glued(i + 1)
        if not number or before == "case" or template or int(number[1], 0) > 1 << 16:  # some hash's
            return []
        value, write = int(number[1], 0), hex if number[1].startswith("0x") else str
        others = [value + 1] + [value - 1] * (value > 0)
        if value == 1 and before in ("<", ">=", "/", "%"):  # a warning, or undefined
            others.remove(0)
        if value + 1 in (32, 64) and (before == "<<" or self.words[i - 2:i] == [">", ">"]):
            others.remove(value + 1)
        return [m for n in others for m in s.mutant("constant", i, i, write(n) + number[2])]

    def swaps(self, opens: int) -> list[list[Mutant]]:
        s, words, arguments, i = self.s, self.words, [], opens + 1
        if not s.is_name(opens - 1) and words[opens - 1] != ">" or \
                words[opens - 1] in ("min", "max", "swap"):
            return []
        while i < s.pair[opens]:
            if s.is_name(i) and words[i - 1] in ("(", ",") and words[i + 1] in (",", ")"):
                kinds = {"integer" if k in INTEGERS else k for k in self.kinds(i)}
                arguments.append((i, kinds))
            i = s.after(i)
        return [s.mutant("swap", a, b, words[b] + s.text[s.tokens[a].end:s.tokens[b].start] +
                         words[a])
                for n, (a, some) in enumerate(arguments) for b, kinds in arguments[n + 1:]
                if words[a] != words[b] and some & kinds]

    def is_field(self, dot: int) -> bool:
        return self.words[dot] in (".", "->") and self.s.is_name(dot + 1) and \
            self.words[dot + 2] not in ("(", "::") and self.words[dot - 1] not in ("{", ",") and \
            (self.words[dot + 2] != "<" or self.s.spaced(dot + 2))

    def object(self, dot: int) -> str:
        """What stands before a dot or an arrow, with it."""
        i = dot
        while True:
            while self.words[i - 1] in (")", "]"):
                i = self.s.pair[i - 1]
            i -= self.s.is_name(i - 1)
            if self.words[i - 1] not in (".", "->", "::"):
                return "".join(self.words[i:dot + 1])
            i -= 1

    def field(self, dot: int) -> list[Mutant]:
        """Another field of the same type that the same object is asked for nearby."""
        tokens, mine, others = self.s.tokens, self.words[dot + 1], set()
        for step in (-1, 1):
            i = dot + step
            while 0 <= i < len(tokens) and abs(tokens[i].line - tokens[dot].line) <= 1:
                if self.is_field(i) and self.object(i) == self.object(dot):
                    others.add(self.words[i + 1])
                i += step
        def kind(fields: dict[str, str], name: str) -> str:
            return "integer" if fields[name] in INTEGERS else fields[name]
        others = {name for name in others - {mine} for fields in self.structs
                  if mine in fields and name in fields and kind(fields, mine) == kind(fields, name)}
        return [m for name in sorted(others)
                for m in self.s.mutant("field", dot + 1, dot + 1, name)]


def all_places(root: pathlib.Path) -> tuple[list[list[Mutant]], dict[str, str]]:
    """The places of the sources in `root`, and each file's text."""
    files = sorted(file for room in ROOMS for file in (root / room).rglob("*")
                   if file.suffix in (".cc", ".h") and not file.name.endswith("_test.cc")
                   and "testing" not in file.relative_to(root).parts)
    sources = [Source(str(file.relative_to(root)), file.read_text()) for file in files]
    structs = [fields for source in sources for fields in source.structs.values()]
    places = [place for source in sources for place in Places(source, structs).found]
    return places, {source.file: source.text for source in sources}


def drawn(places: list[list[Mutant]], seed: int):
    """The places in the order of their lots, one mutant of each."""
    lots = random.Random(seed)
    order = list(places)
    lots.shuffle(order)
    for place in order:
        yield lots.choice(place)


def mutated(mutant: Mutant, text: str) -> str:
    return text[:mutant.start] + mutant.text + text[mutant.end:]


def described(mutant: Mutant, text: str) -> list[str]:
    """Columns place, kind, before and after: whole lines as one."""
    first, last = text.rfind("\n", 0, mutant.start) + 1, text.find("\n", mutant.end)
    after = text[first:mutant.start] + mutant.text + text[mutant.end:last]
    return [f"{mutant.file}:{mutant.line}", mutant.kind, " ".join(text[first:last].split()),
            " ".join(after.split())]
