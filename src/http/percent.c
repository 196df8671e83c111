/* Percent-decoding. */
#include <string.h>

#include "base/utf8.h"
#include "http/router.h"

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int orr_percent_decode(struct orr_slice in, bool plus, struct orr_arena *arena, struct orr_slice *out,
                       struct orr_err *err) {
  char *text = orr_arena_alloc(arena, in.size + 1), *to = text;
  for (size_t i = 0; i < in.size; i++) {
    char c = in.text[i];
    if (c == '+' && plus) {
      c = ' ';
    } else if (c == '%') {
      int high = i + 2 < in.size ? digit(in.text[i + 1]) : -1, low = high < 0 ? -1 : digit(in.text[i + 2]);
      if (low < 0)
        return orr_fail(err, ORR_INVALID, "a %% in the URL is not followed by two hexadecimal digits");
      c = (char)(high << 4 | low);
      i += 2;
    }
    if (c == 0) return orr_fail(err, ORR_INVALID, "the URL holds a NUL");
    *to++ = c;
  }
  *to = 0;
  *out = (struct orr_slice){text, (size_t)(to - text)};
  if (!orr_utf8_valid(out->text, out->size)) return orr_fail(err, ORR_INVALID, "the URL is not UTF-8");
  return 0;
}
