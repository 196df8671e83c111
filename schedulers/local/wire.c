/* One function a kind of value, in both directions. */
#include "wire.h"

#include <string.h>

enum { DEPTH_MAX = 16 };

static void put_text(struct orr_buf *out, const char *text, size_t size) {
  uint32_t length = (uint32_t)size;
  orr_buf_put(out, &length, sizeof length);
  orr_buf_put(out, text, size);
  orr_buf_putc(out, 0);
}

static void put_head(struct orr_buf *out, const char *key, char kind) {
  if (key) put_text(out, key, strlen(key));
  orr_buf_putc(out, kind);
}

void orr_wire_map(struct orr_buf *out, const char *key) { put_head(out, key, '{'); }
void orr_wire_list(struct orr_buf *out, const char *key) { put_head(out, key, '['); }
void orr_wire_end_list(struct orr_buf *out) { orr_buf_putc(out, ']'); }

static const uint32_t END_OF_MAP = UINT32_MAX;
void orr_wire_end_map(struct orr_buf *out) { orr_buf_put(out, &END_OF_MAP, sizeof END_OF_MAP); }

void orr_wire_bool(struct orr_buf *out, const char *key, bool value) {
  put_head(out, key, value ? 't' : 'f');
}

void orr_wire_int(struct orr_buf *out, const char *key, int64_t value) {
  put_head(out, key, 'i');
  orr_buf_put(out, &value, sizeof value);
}

void orr_wire_real(struct orr_buf *out, const char *key, double value) {
  put_head(out, key, 'r');
  orr_buf_put(out, &value, sizeof value);
}

void orr_wire_text(struct orr_buf *out, const char *key, const char *text) {
  if (!text) return;
  put_head(out, key, 's');
  put_text(out, text, strlen(text));
}

void orr_wire_value(struct orr_buf *out, const char *key, const struct orrery_value *value) {
  size_t count = orrery_count(value);
  switch (orrery_kind(value)) {
  case ORRERY_NULL: put_head(out, key, 'n'); return;
  case ORRERY_BOOL: orr_wire_bool(out, key, orrery_bool(value, false)); return;
  case ORRERY_INT: orr_wire_int(out, key, orrery_int(value, 0)); return;
  case ORRERY_REAL: orr_wire_real(out, key, orrery_real(value, 0)); return;
  case ORRERY_TEXT: orr_wire_text(out, key, orrery_text(value, NULL, "")); return;
  case ORRERY_LIST:
    orr_wire_list(out, key);
    for (size_t i = 0; i < count; i++) orr_wire_value(out, NULL, orrery_at(value, i));
    orr_wire_end_list(out);
    return;
  case ORRERY_MAP:
    orr_wire_map(out, key);
    for (size_t i = 0; i < count; i++) orr_wire_value(out, orrery_key_at(value, i), orrery_at(value, i));
    orr_wire_end_map(out);
    return;
  }
}

static bool take(struct orr_wire *in, void *to, size_t size) {
  if ((size_t)(in->end - in->at) < size) return false;
  memcpy(to, in->at, size);
  in->at += size;
  return true;
}

/* The text's `size` bytes and its NUL are there, and no other NUL is. */
static bool take_text(struct orr_wire *in, uint32_t size, const char **text) {
  if ((size_t)(in->end - in->at) <= size || in->at[size] != 0 || memchr(in->at, 0, size)) return false;
  *text = in->at;
  in->at += (size_t)size + 1;
  return true;
}

static bool read_members(struct orr_wire *in, struct orrery_value *map, int depth);
static bool read_items(struct orr_wire *in, struct orrery_value *list, int depth);

static bool read_member(struct orr_wire *in, struct orrery_value *map, const char *key, int depth) {
  char kind;
  int64_t integer;
  double real;
  uint32_t size;
  const char *text;
  if (depth > DEPTH_MAX || !take(in, &kind, 1)) return false;
  switch (kind) {
  case 'n': return true;
  case 't':
  case 'f': return orrery_set_bool(map, key, kind == 't'), true;
  case 'i': return take(in, &integer, sizeof integer) && (orrery_set_int(map, key, integer), true);
  case 'r': return take(in, &real, sizeof real) && (orrery_set_real(map, key, real), true);
  case 's':
    return take(in, &size, sizeof size) && take_text(in, size, &text) &&
           (orrery_set_text(map, key, text), true);
  case '[': return read_items(in, orrery_set_list(map, key), depth + 1);
  case '{': return read_members(in, orrery_set_map(map, key), depth + 1);
  default: return false;
  }
}

static bool read_members(struct orr_wire *in, struct orrery_value *map, int depth) {
  uint32_t size;
  const char *key;
  while (take(in, &size, sizeof size)) {
    if (size == END_OF_MAP) return true;
    if (!take_text(in, size, &key) || !read_member(in, map, key, depth)) return false;
  }
  return false;
}

/* Lists hold texts, integers or maps: the contract has no others. */
static bool read_items(struct orr_wire *in, struct orrery_value *list, int depth) {
  char kind;
  int64_t integer;
  uint32_t size;
  const char *text;
  while (take(in, &kind, 1)) {
    if (kind == ']') return true;
    if (kind == 'i' && take(in, &integer, sizeof integer))
      orrery_add_int(list, integer);
    else if (kind == 's' && take(in, &size, sizeof size) && take_text(in, size, &text))
      orrery_add_text(list, text);
    else if (kind != '{' || depth > DEPTH_MAX || !read_members(in, orrery_add_map(list), depth + 1))
      return false;
  }
  return false;
}

bool orr_wire_read_map(struct orr_wire *in, struct orrery_value *into) {
  char kind;
  return take(in, &kind, 1) && kind == '{' && read_members(in, into, 0);
}

bool orr_wire_enter_list(struct orr_wire *in) {
  char kind;
  return take(in, &kind, 1) && kind == '[';
}

bool orr_wire_more(struct orr_wire *in) {
  if (in->at == in->end) return false;
  if (*in->at != ']') return true;
  in->at++;
  return false;
}

bool orr_wire_read_int(struct orr_wire *in, int64_t *value) {
  char kind;
  return take(in, &kind, 1) && kind == 'i' && take(in, value, sizeof *value);
}
