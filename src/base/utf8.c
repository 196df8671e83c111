#include "base/utf8.h"

static bool tail(unsigned char byte) { return (byte & 0xc0) == 0x80; }

size_t orr_utf8_length(const unsigned char *t, size_t size) {
  if (size == 0) return 0;
  if (t[0] < 0x80) return 1;
  if (t[0] < 0xc2 || t[0] > 0xf4) return 0;
  if (size < 2 || !tail(t[1])) return 0;
  if (t[0] < 0xe0) return 2;
  if (size < 3 || !tail(t[2])) return 0;
  if (t[0] == 0xe0 && t[1] < 0xa0) return 0; /* overlong */
  if (t[0] == 0xed && t[1] > 0x9f) return 0; /* surrogate */
  if (t[0] < 0xf0) return 3;
  if (size < 4 || !tail(t[3])) return 0;
  if (t[0] == 0xf0 && t[1] < 0x90) return 0; /* overlong */
  if (t[0] == 0xf4 && t[1] > 0x8f) return 0; /* past U+10FFFF */
  return 4;
}

bool orr_utf8_valid(const char *text, size_t size) {
  for (size_t i = 0; i < size;) {
    size_t length = orr_utf8_length((const unsigned char *)text + i, size - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}
