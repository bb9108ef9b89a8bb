// SPDX-License-Identifier: Apache-2.0
//
// Behind a table of fields. No include guard: it is included once for each table.

#undef KNOT_FIELD
#undef KNOT_FIELDS
#undef KNOT_FLAGS
#undef KNOT_FLAG
#undef KNOT_STRUCT
#undef KNOT_STRUCTS
