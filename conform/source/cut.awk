# SPDX-License-Identifier: Apache-2.0
#
# Prints functions of a C file of the kernel, by name, each from the line on which its declaration
# begins to the brace in the first column, and a type that get_user_arg_ptr() needs is not cut.
#
#   awk -v names=A,B -v file=PATH -f cut.awk PATH
BEGIN {
  count = split(names, list, ",")
  for (i = 1; i <= count; i++) wanted[list[i]] = 1
}
{
  # A definition may have its type on a line of its own.
  if (!inside && match($0, /^[a-z].*[ *]?[a-z_0-9]+\(/) || !inside && match($0, /^[a-z_0-9]+\(/)) {
    name = $0
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    if (name in wanted && $0 !~ /;[ \t]*$/) {
      inside = 1
      start = NR
      text = (previous ~ /^(static |struct |int|const )[a-z_ *]*$/ ? previous "\n" : "")
      if (text != "") start = NR - 1
    }
  }
  if (inside) {
    text = text $0 "\n"
    if ($0 ~ /^}/) {
      sub(/^static inline /, "", text)
      sub(/^static /, "", text)
      printf "#line %d \"%s\"\n%s", start, file, text
      inside = 0
      text = ""
    } else if ($0 ~ /;[ \t]*$/ && text !~ /{/) {
      inside = 0
      text = ""
    }
  }
  previous = $0
}
