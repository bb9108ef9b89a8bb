// SPDX-License-Identifier: Apache-2.0
//
// For one inclusion of a table of fields inside a function that lists them: each row is added to
// `fields`, which describes a `Struct` at byte `at` of the state whose name is `prefix`. `c` is the
// FieldContext that the masks are about.
// No include guard: it is included once for each struct.

#define KNOT_FIELD(type, name, mask, names, resource)                                         \
  fields.Add(c, prefix + #name, at + offsetof(Struct, name), mask, ::knotcheck::model::names, \
             ::knotcheck::model::Resource::resource);
#define KNOT_FIELDS(type, name, count, mask, names, resource)                                \
  for (size_t i = 0; i < (count); ++i) {                                                     \
    fields.Add(c, prefix + #name + std::to_string(i), at + offsetof(Struct, name) + i, mask, \
               ::knotcheck::model::names, ::knotcheck::model::Resource::resource);           \
  }
#define KNOT_FLAGS(type, name)
#define KNOT_FLAG(field, name, flag, resource)                                 \
  fields.Add(c, prefix + #field "." #name, at + offsetof(Struct, field), flag, \
             ::knotcheck::model::kPlain, ::knotcheck::model::Resource::resource);
#define KNOT_STRUCT(type, name, present) \
  if (present) List##type(c, prefix + #name ".", at + offsetof(Struct, name), fields);
#define KNOT_STRUCTS(type, name, count, present)                          \
  for (size_t i = 0; i < (count); ++i) {                                  \
    if (present) {                                                        \
      List##type(c, prefix + #name + std::to_string(i) + ".",             \
                 at + offsetof(Struct, name) + i * sizeof(type), fields); \
    }                                                                     \
  }
