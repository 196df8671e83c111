#include "base/template.h"

#include <string.h>

#include "base/json.h"

enum { MOST_MIB = 16 }; /* a short template and a short parameter can make a text that no memory holds */

struct filling {
  struct orr_buf *out;
  size_t before; /* what was in it already */
  const struct orrery_value *parameters;
  struct orr_err *err;
};

static const struct orrery_value *parameter(struct filling *f, const char *name, size_t size) {
  const struct orrery_value *value = orr_value_find(f->parameters, name, size);
  if (!value) orr_fail(f->err, ORR_INVALID, "${%.*s} is not a parameter", (int)size, name);
  return value;
}

static void put_text(struct orr_buf *out, const struct orrery_value *value) {
  if (orrery_kind(value) == ORRERY_TEXT)
    orr_json_put_escaped(out, value->text, value->size);
  else
    orr_json_put(out, value);
}

/* One placeholder at `*at`, which begins with "${"; `put` writes what stands for it. */
static int fill_one(struct filling *f, const char **at, const char *end,
                    void (*put)(struct orr_buf *out, const struct orrery_value *value)) {
  const char *name = *at + 2, *close = memchr(name, '}', (size_t)(end - name));
  if (!close) return orr_fail(f->err, ORR_INVALID, "a placeholder without its }");
  const struct orrery_value *value = parameter(f, name, (size_t)(close - name));
  if (!value) return ORR_INVALID;
  put(f->out, value);
  if (f->out->size - f->before > (size_t)MOST_MIB << 20)
    return orr_fail(f->err, ORR_INVALID, "the parameters make it larger than %d MiB", MOST_MIB);
  *at = close + 1;
  return ORR_OK;
}

static bool opens(const char *at, const char *end) { return end - at >= 2 && at[0] == '$' && at[1] == '{'; }

/* The inside of a JSON string, still escaped; none of its escapes contains a `$` or a brace. */
static int fill_text(struct filling *f, const char *at, const char *end) {
  while (at < end) {
    const char *dollar = memchr(at, '$', (size_t)(end - at));
    if (!dollar) dollar = end;
    orr_buf_put(f->out, at, (size_t)(dollar - at));
    at = dollar;
    if (end - at >= 3 && memcmp(at, "$${", 3) == 0) {
      ORR_BUF_LIT(f->out, "${");
      at += 3;
    } else if (opens(at, end)) {
      if (fill_one(f, &at, end, put_text)) return ORR_INVALID;
    } else if (at < end) {
      orr_buf_putc(f->out, *at++);
    }
  }
  return ORR_OK;
}

static const char *string_end(const char *at, const char *end) {
  while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
  return at < end ? at : NULL;
}

static int fill(struct filling *f, const char *at, const char *end) {
  const char *plain = at;
  while (at < end) {
    if (*at == '"') {
      const char *close = string_end(at + 1, end);
      if (!close) return orr_fail(f->err, ORR_INVALID, "a text without its closing quote");
      orr_buf_put(f->out, plain, (size_t)(at + 1 - plain));
      if (fill_text(f, at + 1, close)) return ORR_INVALID;
      plain = close;
      at = close + 1;
    } else if (opens(at, end)) {
      orr_buf_put(f->out, plain, (size_t)(at - plain));
      if (fill_one(f, &at, end, orr_json_put)) return ORR_INVALID;
      plain = at;
    } else {
      at++;
    }
  }
  orr_buf_put(f->out, plain, (size_t)(end - plain));
  return ORR_OK;
}

int orr_template_fill(struct orr_buf *out, const char *text, size_t size, const char *parameters,
                      size_t parameters_size, struct orr_err *err) {
  struct orr_arena *arena = orr_arena_create();
  struct filling f = {.out = out, .before = out->size, .err = err};
  f.parameters = orr_json_read(arena, parameters, parameters_size, NULL, err);
  int code = f.parameters ? fill(&f, text, text + size) : ORR_INVALID;
  orr_arena_destroy(arena);
  return code;
}
