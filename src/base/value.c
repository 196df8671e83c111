#include "base/value.h"

#include <string.h>

#include "base/alloc.h"

enum orrery_kind orrery_kind(const struct orrery_value *value) { return value ? value->kind : ORRERY_NULL; }

bool orrery_bool(const struct orrery_value *value, bool otherwise) {
  return orrery_kind(value) == ORRERY_BOOL ? value->truth : otherwise;
}

int64_t orrery_int(const struct orrery_value *value, int64_t otherwise) {
  return orrery_kind(value) == ORRERY_INT ? value->integer : otherwise;
}

double orrery_real(const struct orrery_value *value, double otherwise) {
  if (orrery_kind(value) == ORRERY_REAL) return value->real;
  return orrery_kind(value) == ORRERY_INT ? (double)value->integer : otherwise;
}

const char *orrery_text(const struct orrery_value *value, size_t *size, const char *otherwise) {
  bool is_text = orrery_kind(value) == ORRERY_TEXT;
  const char *text = is_text ? value->text : otherwise;
  if (size) *size = is_text ? value->size : otherwise ? strlen(otherwise) : 0;
  return text;
}

size_t orrery_count(const struct orrery_value *value) {
  enum orrery_kind kind = orrery_kind(value);
  return kind == ORRERY_LIST || kind == ORRERY_MAP ? value->size : 0;
}

const struct orrery_value *orrery_at(const struct orrery_value *value, size_t i) {
  return i < orrery_count(value) ? &value->members[i].value : NULL;
}

const char *orrery_key_at(const struct orrery_value *map, size_t i) {
  return orrery_kind(map) == ORRERY_MAP && i < map->size ? map->members[i].key : NULL;
}

struct orrery_value *orr_value_find(const struct orrery_value *map, const char *key, size_t size) {
  if (orrery_kind(map) != ORRERY_MAP) return NULL;
  for (size_t i = 0; i < map->size; i++) {
    const char *have = map->members[i].key;
    if (strncmp(have, key, size) == 0 && have[size] == 0) return &map->members[i].value;
  }
  return NULL;
}

const struct orrery_value *orrery_get(const struct orrery_value *map, const char *path) {
  for (;;) {
    size_t size = strcspn(path, ".");
    map = orr_value_find(map, path, size);
    if (!map || path[size] == 0) return map;
    path += size + 1;
  }
}

void orr_value_set_kind(struct orrery_value *value, struct orr_arena *arena, enum orrery_kind kind) {
  *value = (struct orrery_value){.kind = kind, .arena = arena};
}

struct orrery_value *orr_value_map(struct orr_arena *arena) {
  struct orrery_value *value = orr_arena_alloc(arena, sizeof *value);
  orr_value_set_kind(value, arena, ORRERY_MAP);
  return value;
}

struct orrery_value *orr_value_list(struct orr_arena *arena) {
  struct orrery_value *value = orr_arena_alloc(arena, sizeof *value);
  orr_value_set_kind(value, arena, ORRERY_LIST);
  return value;
}

struct orrery_value *orr_value_add(struct orrery_value *parent, const char *key, size_t key_size) {
  if (parent->size == parent->room) {
    size_t room = parent->room ? parent->room * 2 : 8;
    struct orr_member *members = orr_arena_alloc(parent->arena, room * sizeof *members);
    if (parent->size) memcpy(members, parent->members, parent->size * sizeof *members);
    parent->members = members;
    parent->room = room;
  }
  struct orr_member *member = &parent->members[parent->size++];
  member->key = key ? orr_arena_dup(parent->arena, key, key_size) : NULL;
  member->value = (struct orrery_value){.kind = ORRERY_NULL};
  return &member->value;
}

void orr_value_set_text(struct orrery_value *value, struct orr_arena *arena, const char *text, size_t size) {
  *value = (struct orrery_value){.kind = ORRERY_TEXT, .size = size, .text = orr_arena_dup(arena, text, size)};
}

void orr_value_copy(struct orrery_value *to, struct orr_arena *arena, const struct orrery_value *from) {
  if (from->kind == ORRERY_TEXT) {
    orr_value_set_text(to, arena, from->text, from->size);
  } else if (from->kind == ORRERY_LIST || from->kind == ORRERY_MAP) {
    orr_value_set_kind(to, arena, from->kind);
    for (size_t i = 0; i < from->size; i++) {
      const struct orr_member *member = &from->members[i];
      orr_value_copy(orr_value_add(to, member->key, member->key ? strlen(member->key) : 0), arena,
                     &member->value);
    }
  } else {
    *to = *from;
  }
}

/* The member to set: the one the key has, or a new one. */
static struct orrery_value *slot(struct orrery_value *map, const char *key) {
  struct orrery_value *have = orr_value_find(map, key, strlen(key));
  return have ? have : orr_value_add(map, key, strlen(key));
}

void orrery_set_bool(struct orrery_value *map, const char *key, bool value) {
  *slot(map, key) = (struct orrery_value){.kind = ORRERY_BOOL, .truth = value};
}

void orrery_set_int(struct orrery_value *map, const char *key, int64_t value) {
  *slot(map, key) = (struct orrery_value){.kind = ORRERY_INT, .integer = value};
}

void orrery_set_real(struct orrery_value *map, const char *key, double value) {
  *slot(map, key) = (struct orrery_value){.kind = ORRERY_REAL, .real = value};
}

void orrery_set_text(struct orrery_value *map, const char *key, const char *text) {
  if (text) orr_value_set_text(slot(map, key), map->arena, text, strlen(text));
}

struct orrery_value *orrery_set_map(struct orrery_value *map, const char *key) {
  struct orrery_value *value = slot(map, key);
  orr_value_set_kind(value, map->arena, ORRERY_MAP);
  return value;
}

struct orrery_value *orrery_set_list(struct orrery_value *map, const char *key) {
  struct orrery_value *value = slot(map, key);
  orr_value_set_kind(value, map->arena, ORRERY_LIST);
  return value;
}

void orrery_add_int(struct orrery_value *list, int64_t value) {
  *orr_value_add(list, NULL, 0) = (struct orrery_value){.kind = ORRERY_INT, .integer = value};
}

void orrery_add_text(struct orrery_value *list, const char *text) {
  orr_value_set_text(orr_value_add(list, NULL, 0), list->arena, text, strlen(text));
}

struct orrery_value *orrery_add_map(struct orrery_value *list) {
  struct orrery_value *value = orr_value_add(list, NULL, 0);
  orr_value_set_kind(value, list->arena, ORRERY_MAP);
  return value;
}
