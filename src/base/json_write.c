/* Writing JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

void orr_json_put_escaped(struct orr_buf *out, const char *text, size_t size) {
  const unsigned char *at = (const unsigned char *)text, *end = at + size, *plain = at;
  while (at < end) {
    if (*at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\') {
      at++;
      continue;
    }
    size_t length = *at < 0x80 ? 0 : orr_utf8_length(at, (size_t)(end - at));
    if (length) {
      at += length;
      continue;
    }
    orr_buf_put(out, plain, (size_t)(at - plain));
    switch (*at) {
    case '"': ORR_BUF_LIT(out, "\\\""); break;
    case '\\': ORR_BUF_LIT(out, "\\\\"); break;
    case '\n': ORR_BUF_LIT(out, "\\n"); break;
    case '\r': ORR_BUF_LIT(out, "\\r"); break;
    case '\t': ORR_BUF_LIT(out, "\\t"); break;
    default:
      if (*at && *at < 0x20)
        orr_buf_printf(out, "\\u%04x", *at);
      else
        ORR_BUF_LIT(out, "\xef\xbf\xbd");
    }
    plain = ++at;
  }
  orr_buf_put(out, plain, (size_t)(at - plain));
}

void orr_json_put_text(struct orr_buf *out, const char *text, size_t size) {
  orr_buf_putc(out, '"');
  orr_json_put_escaped(out, text, size);
  orr_buf_putc(out, '"');
}

void orr_json_put_int(struct orr_buf *out, int64_t value) {
  char digits[21], *at = digits + sizeof digits;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do *--at = (char)('0' + rest % 10);
  while ((rest /= 10));
  if (value < 0) *--at = '-';
  orr_buf_put(out, at, (size_t)(digits + sizeof digits - at));
}

void orr_json_put_real(struct orr_buf *out, double value) {
  if (!isfinite(value)) {
    ORR_BUF_LIT(out, "null");
    return;
  }
  char text[32];
  for (int precision = 15; precision <= 17; precision++) {
    snprintf(text, sizeof text, "%.*g", precision, value);
    if (strtod(text, NULL) == value) break;
  }
  orr_buf_puts(out, text);
  if (!text[strcspn(text, ".e")]) ORR_BUF_LIT(out, ".0"); /* a number that was a real stays one */
}

void orr_json_put(struct orr_buf *out, const struct orrery_value *value) {
  switch (orrery_kind(value)) {
  case ORRERY_NULL: ORR_BUF_LIT(out, "null"); return;
  case ORRERY_BOOL: orr_buf_puts(out, value->truth ? "true" : "false"); return;
  case ORRERY_INT: orr_json_put_int(out, value->integer); return;
  case ORRERY_REAL: orr_json_put_real(out, value->real); return;
  case ORRERY_TEXT: orr_json_put_text(out, value->text, value->size); return;
  case ORRERY_LIST:
  case ORRERY_MAP: break;
  }
  bool is_map = value->kind == ORRERY_MAP;
  orr_buf_putc(out, is_map ? '{' : '[');
  for (size_t i = 0; i < value->size; i++) {
    if (i) orr_buf_putc(out, ',');
    const struct orr_member *member = &value->members[i];
    if (is_map) {
      orr_json_put_text(out, member->key, strlen(member->key));
      orr_buf_putc(out, ':');
    }
    orr_json_put(out, &member->value);
  }
  orr_buf_putc(out, is_map ? '}' : ']');
}
