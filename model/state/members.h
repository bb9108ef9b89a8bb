// SPDX-License-Identifier: Apache-2.0
//
// For one inclusion of a table of fields inside its struct: each row becomes a member.
// No include guard: it is included once for each struct.

#define KNOT_FIELD(type, name, mask, names, resource) type name;
#define KNOT_FIELDS(type, name, count, mask, names, resource) type name[count];
#define KNOT_FLAGS(type, name) type name;
#define KNOT_FLAG(field, name, flag, resource)
#define KNOT_STRUCT(type, name, present) type name;
#define KNOT_STRUCTS(type, name, count, present) type name[count];
