#include "base/template.h"

#include <string.h>

#include "base/json.h"

struct filling {
  struct orr_buf *out;
  const struct orrery_value *parameters;
  struct orr_err *err;
};

static const struct orrery_value *parameter(struct filling *f, const char *name, size_t size) {
  const struct orrery_value *value = orr_value_find(f->parameters, name, size);
  if (!value) orr_fail(f->err, ORR_INVALID, "${%.*s} is not a parameter", (int)size, name);
  return value;
}

/* `text` is the inside of a JSON string, still escaped; none of its escapes contains a `$` or a brace. */
static int fill_text(struct filling *f, const char *text, size_t size) {
  const char *end = text + size;
  const char *close = size > 3 ? memchr(text, '}', size) : NULL;
  if (close == end - 1 && text[0] == '$' && text[1] == '{') {
    const struct orrery_value *value = parameter(f, text + 2, size - 3);
    if (!value) return ORR_INVALID;
    orr_json_put(f->out, value);
    return ORR_OK;
  }
  orr_buf_putc(f->out, '"');
  while (text < end) {
    const char *dollar = memchr(text, '$', (size_t)(end - text));
    if (!dollar) dollar = end;
    orr_buf_put(f->out, text, (size_t)(dollar - text));
    text = dollar;
    size_t left = (size_t)(end - text);
    if (left >= 3 && memcmp(text, "$${", 3) == 0) {
      ORR_BUF_LIT(f->out, "${");
      text += 3;
    } else if (left >= 2 && text[1] == '{' && (close = memchr(text, '}', left))) {
      const struct orrery_value *value = parameter(f, text + 2, (size_t)(close - text) - 2);
      if (!value) return ORR_INVALID;
      if (orrery_kind(value) == ORRERY_TEXT)
        orr_json_put_escaped(f->out, value->text, value->size);
      else
        orr_json_put(f->out, value);
      text = close + 1;
    } else if (left) {
      orr_buf_putc(f->out, *text++);
    }
  }
  orr_buf_putc(f->out, '"');
  return ORR_OK;
}

static int fill(struct filling *f, const char *at, const char *end) {
  while (at < end) {
    const char *quote = memchr(at, '"', (size_t)(end - at));
    if (!quote) quote = end;
    orr_buf_put(f->out, at, (size_t)(quote - at));
    if (quote == end) break;
    const char *close = quote + 1;
    while (close < end && *close != '"') close += *close == '\\' ? 2 : 1;
    if (close >= end) return orr_fail(f->err, ORR_INVALID, "the template is not valid JSON");
    if (fill_text(f, quote + 1, (size_t)(close - quote) - 1)) return ORR_INVALID;
    at = close + 1;
  }
  return ORR_OK;
}

int orr_template_fill(struct orr_buf *out, const char *text, size_t size, const char *parameters,
                      size_t parameters_size, struct orr_err *err) {
  struct orr_arena *arena = orr_arena_create();
  struct filling f = {.out = out, .err = err};
  f.parameters = orr_json_read(arena, parameters, parameters_size, NULL, err);
  int code = f.parameters ? fill(&f, text, text + size) : ORR_INVALID;
  orr_arena_destroy(arena);
  return code;
}
