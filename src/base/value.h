/* The inside of values (their public face is orrery/value.h): trees in an arena. They carry plug-in calls and
   reports between threads, so a tree is built by one owner, then handed over whole, and never changed after.
 */
#pragma once
#include <orrery/value.h>

#include "base/arena.h"

struct orrery_value {
  enum orrery_kind kind;
  size_t size; /* text: bytes; list and map: members */
  union {
    bool truth;
    int64_t integer;
    double real;
    const char *text;           /* NUL-terminated */
    struct orr_member *members; /* list: `key` is NULL */
  };
  size_t room;             /* list and map: members there is room for */
  struct orr_arena *arena; /* list and map: where they grow */
};

struct orr_member {
  const char *key;
  struct orrery_value value;
};

struct orrery_value *orr_value_map(struct orr_arena *arena);
struct orrery_value *orr_value_list(struct orr_arena *arena);
/* Appends an empty (null) member and returns it; `key` is copied, and NULL for lists. For maps the key must
   be new. */
struct orrery_value *orr_value_add(struct orrery_value *parent, const char *key, size_t key_size);
void orr_value_set_text(struct orrery_value *value, struct orr_arena *arena, const char *text, size_t size);
/* Makes `value` an empty list or map. */
void orr_value_set_kind(struct orrery_value *value, struct orr_arena *arena, enum orrery_kind kind);
/* The member a key has, or NULL; unlike orrery_get, dots in the key mean nothing. */
struct orrery_value *orr_value_find(const struct orrery_value *map, const char *key, size_t size);
/* A deep copy in another arena. */
void orr_value_copy(struct orrery_value *to, struct orr_arena *arena, const struct orrery_value *from);
