/* Reading JSON: recursive descent, one function a rule. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/utf8.h"

struct reader {
  struct orr_arena *arena;
  const char *at, *begin, *end;
  struct orr_buf scratch; /* the text being unescaped */
  struct orr_err *err;
};

static int read_value(struct reader *r, struct orrery_value *out, int depth);

static int wrong(struct reader *r, const char *expected) {
  if (r->at >= r->end) return orr_fail(r->err, ORR_INVALID, "the document ends where %s should be", expected);
  return orr_fail(r->err, ORR_INVALID, "expected %s", expected);
}

static void skip_space(struct reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
}

static int read_word(struct reader *r, const char *word) {
  size_t size = strlen(word);
  if ((size_t)(r->end - r->at) < size || memcmp(r->at, word, size) != 0) return wrong(r, "a value");
  r->at += size;
  return ORR_OK;
}

static bool digit(const struct reader *r) { return r->at < r->end && *r->at >= '0' && *r->at <= '9'; }
static void skip_digits(struct reader *r) {
  while (digit(r)) r->at++;
}

static int read_number(struct reader *r, struct orrery_value *out) {
  const char *start = r->at;
  bool whole = true;
  if (*r->at == '-') r->at++;
  if (!digit(r)) return wrong(r, "a digit");
  if (*r->at == '0')
    r->at++;
  else
    skip_digits(r);
  if (digit(r)) return wrong(r, "no digit after a leading zero");
  if (r->at < r->end && *r->at == '.') {
    whole = false, r->at++;
    if (!digit(r)) return wrong(r, "a digit after the decimal point");
    skip_digits(r);
  }
  if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
    whole = false, r->at++;
    if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
    if (!digit(r)) return wrong(r, "a digit in the exponent");
    skip_digits(r);
  }
  r->scratch.size = 0;
  orr_buf_put(&r->scratch, start, (size_t)(r->at - start));
  const char *text = orr_buf_text(&r->scratch);
  errno = 0;
  if (whole) {
    *out = (struct orrery_value){.kind = ORRERY_INT, .integer = strtoll(text, NULL, 10)};
    if (errno != ERANGE) return ORR_OK;
  }
  *out = (struct orrery_value){.kind = ORRERY_REAL, .real = strtod(text, NULL)};
  if (out->real - out->real != 0) {
    r->at = start;
    return orr_fail(r->err, ORR_INVALID, "the number is too large");
  }
  return ORR_OK;
}

static int read_hex4(struct reader *r, unsigned *code) {
  *code = 0;
  for (int i = 0; i < 4; i++, r->at++) {
    char c = r->at < r->end ? *r->at : 0;
    char lower = (char)(c | 0x20);
    if (c >= '0' && c <= '9')
      *code = *code << 4 | (unsigned)(c - '0');
    else if (lower >= 'a' && lower <= 'f')
      *code = *code << 4 | (unsigned)(lower - 'a' + 10);
    else
      return wrong(r, "four hexadecimal digits after \\u");
  }
  return ORR_OK;
}

static void put_code_point(struct orr_buf *out, unsigned code) {
  if (code < 0x80) {
    orr_buf_putc(out, (char)code);
  } else if (code < 0x800) {
    orr_buf_putc(out, (char)(0xc0 | code >> 6));
    orr_buf_putc(out, (char)(0x80 | (code & 63)));
  } else if (code < 0x10000) {
    orr_buf_putc(out, (char)(0xe0 | code >> 12));
    orr_buf_putc(out, (char)(0x80 | (code >> 6 & 63)));
    orr_buf_putc(out, (char)(0x80 | (code & 63)));
  } else {
    orr_buf_putc(out, (char)(0xf0 | code >> 18));
    orr_buf_putc(out, (char)(0x80 | (code >> 12 & 63)));
    orr_buf_putc(out, (char)(0x80 | (code >> 6 & 63)));
    orr_buf_putc(out, (char)(0x80 | (code & 63)));
  }
}

static int read_escape(struct reader *r) {
  static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
  char name = r->at < r->end ? *r->at : 0;
  const char *found = name ? strchr(names, name) : NULL;
  if (found) {
    orr_buf_putc(&r->scratch, bytes[found - names]);
    r->at++;
    return ORR_OK;
  }
  if (name != 'u') return wrong(r, "one of \" \\ / b f n r t u after a backslash");
  r->at++;
  unsigned code, low;
  if (read_hex4(r, &code)) return ORR_INVALID;
  if (code == 0) return orr_fail(r->err, ORR_INVALID, "NUL (\\u0000) is refused everywhere");
  if (code >= 0xdc00 && code <= 0xdfff) return orr_fail(r->err, ORR_INVALID, "a lone low surrogate");
  if (code >= 0xd800 && code <= 0xdbff) {
    if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
      return orr_fail(r->err, ORR_INVALID, "a lone high surrogate");
    r->at += 2;
    if (read_hex4(r, &low)) return ORR_INVALID;
    if (low < 0xdc00 || low > 0xdfff) return orr_fail(r->err, ORR_INVALID, "a lone high surrogate");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  put_code_point(&r->scratch, code);
  return ORR_OK;
}

/* Leaves the text in scratch. */
static int read_text(struct reader *r) {
  if (r->at >= r->end || *r->at != '"') return wrong(r, "a text in double quotes");
  r->at++;
  r->scratch.size = 0;
  for (;;) {
    const char *plain = r->at;
    while (r->at < r->end && (unsigned char)*r->at >= 0x20 && (unsigned char)*r->at < 0x80 && *r->at != '"' &&
           *r->at != '\\')
      r->at++;
    orr_buf_put(&r->scratch, plain, (size_t)(r->at - plain));
    if (r->at >= r->end) return wrong(r, "a closing quote");
    if (*r->at == '"') {
      r->at++;
      return ORR_OK;
    }
    if (*r->at == '\\') {
      r->at++;
      if (read_escape(r)) return ORR_INVALID;
      continue;
    }
    size_t length = orr_utf8_length((const unsigned char *)r->at, (size_t)(r->end - r->at));
    if ((unsigned char)*r->at < 0x20)
      return orr_fail(r->err, ORR_INVALID, "a control character inside a text must be escaped");
    if (length == 0) return orr_fail(r->err, ORR_INVALID, "the text is not valid UTF-8");
    orr_buf_put(&r->scratch, r->at, length);
    r->at += length;
  }
}

static int read_list(struct reader *r, struct orrery_value *out, int depth) {
  orr_value_set_kind(out, r->arena, ORRERY_LIST);
  r->at++;
  skip_space(r);
  if (r->at < r->end && *r->at == ']') return r->at++, ORR_OK;
  for (;;) {
    if (read_value(r, orr_value_add(out, NULL, 0), depth + 1)) return ORR_INVALID;
    skip_space(r);
    char next = r->at < r->end ? *r->at : 0;
    if (next != ',' && next != ']') return wrong(r, "a comma or ]");
    r->at++;
    if (next == ']') return ORR_OK;
  }
}

/* A repeated key is refused: which of the two the writer meant cannot be known. Small maps are compared
   member by member; a large one would be quadratic, so it goes through a table of hashes that lives as long
   as the reading. */
static bool repeated(struct reader *r, const struct orrery_value *map, struct orr_buf *seen) {
  const char *key = orr_buf_text(&r->scratch);
  if (map->size < 16) return orr_value_find(map, key, r->scratch.size) != NULL;
  size_t slots = seen->size / sizeof(size_t);
  if (slots < map->size * 2) { /* (re)build: open addressing over member numbers + 1 */
    slots = 64;
    while (slots < map->size * 4) slots *= 2;
    seen->size = 0;
    memset(orr_buf_reserve(seen, slots * sizeof(size_t)), 0, slots * sizeof(size_t));
    seen->size = slots * sizeof(size_t);
    for (size_t i = 0; i < map->size; i++) {
      const char *have = map->members[i].key;
      size_t *table = (size_t *)(void *)seen->data, slot = orr_hash(have, strlen(have)) & (slots - 1);
      while (table[slot]) slot = (slot + 1) & (slots - 1);
      table[slot] = i + 1;
    }
  }
  size_t *table = (size_t *)(void *)seen->data, slot = orr_hash(key, r->scratch.size) & (slots - 1);
  for (; table[slot]; slot = (slot + 1) & (slots - 1))
    if (strcmp(map->members[table[slot] - 1].key, key) == 0) return true;
  table[slot] = map->size + 1;
  return false;
}

static int read_members(struct reader *r, struct orrery_value *out, int depth, struct orr_buf *seen) {
  for (;;) {
    skip_space(r);
    const char *start = r->at;
    if (read_text(r)) return ORR_INVALID;
    if (repeated(r, out, seen)) {
      r->at = start;
      return orr_fail(r->err, ORR_INVALID, "the key \"%.100s\" stands twice in one object", r->scratch.data);
    }
    struct orrery_value *member = orr_value_add(out, orr_buf_text(&r->scratch), r->scratch.size);
    skip_space(r);
    if (r->at >= r->end || *r->at != ':') return wrong(r, "a colon");
    r->at++;
    if (read_value(r, member, depth + 1)) return ORR_INVALID;
    skip_space(r);
    char next = r->at < r->end ? *r->at : 0;
    if (next != ',' && next != '}') return wrong(r, "a comma or }");
    r->at++;
    if (next == '}') return ORR_OK;
  }
}

static int read_map(struct reader *r, struct orrery_value *out, int depth) {
  orr_value_set_kind(out, r->arena, ORRERY_MAP);
  r->at++;
  skip_space(r);
  if (r->at < r->end && *r->at == '}') return r->at++, ORR_OK;
  struct orr_buf seen = {0};
  int code = read_members(r, out, depth, &seen);
  orr_buf_free(&seen);
  return code;
}

static int read_value(struct reader *r, struct orrery_value *out, int depth) {
  skip_space(r);
  if (depth > ORR_JSON_DEPTH) return orr_fail(r->err, ORR_INVALID, "nested deeper than %d", ORR_JSON_DEPTH);
  switch (r->at < r->end ? *r->at : 0) {
  case '{': return read_map(r, out, depth);
  case '[': return read_list(r, out, depth);
  case '"':
    if (read_text(r)) return ORR_INVALID;
    orr_value_set_text(out, r->arena, r->scratch.data, r->scratch.size);
    return ORR_OK;
  case 't': *out = (struct orrery_value){.kind = ORRERY_BOOL, .truth = true}; return read_word(r, "true");
  case 'f': *out = (struct orrery_value){.kind = ORRERY_BOOL, .truth = false}; return read_word(r, "false");
  case 'n': *out = (struct orrery_value){.kind = ORRERY_NULL}; return read_word(r, "null");
  default: break;
  }
  if (r->at < r->end && (*r->at == '-' || digit(r))) return read_number(r, out);
  return wrong(r, "a value");
}

struct orrery_value *orr_json_read(struct orr_arena *arena, const char *text, size_t size, size_t *where,
                                   struct orr_err *err) {
  struct reader r = {.arena = arena, .at = text, .begin = text, .end = text + size, .err = err};
  struct orrery_value *value = orr_arena_zalloc(arena, sizeof *value);
  int code = read_value(&r, value, 0);
  if (code == ORR_OK) {
    skip_space(&r);
    if (r.at < r.end) code = orr_fail(err, ORR_INVALID, "something follows the document");
  }
  orr_buf_free(&r.scratch);
  if (where) *where = (size_t)(r.at - r.begin);
  return code == ORR_OK ? value : NULL;
}

bool orr_json_is_map(const char *text, size_t size) {
  struct orr_arena *arena = orr_arena_create();
  struct orr_err err;
  struct orrery_value value;
  struct reader r = {.arena = arena, .at = text, .begin = text, .end = text + size, .err = &err};
  bool is_map =
      size > 0 && *text == '{' && read_map(&r, &value, -ORR_JSON_WRAPPED) == ORR_OK && r.at == r.end;
  orr_buf_free(&r.scratch);
  orr_arena_destroy(arena);
  return is_map;
}
