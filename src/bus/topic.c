/* Patterns of topics, as AMQP has them. */
#include <string.h>

#include "bus/bus.h"

static size_t word(const char *text) { return strcspn(text, "."); }

static const char *after(const char *text, size_t size) { return text[size] == '.' ? text + size + 1 : NULL; }

/* NULL is a text without words, and "" one with an empty word. `#` tries the longest rest first no more often than it has
   words: a later `#` takes what an earlier one would, so only the last one is ever tried again. */
bool orr_bus_matches(const char *pattern, const char *key) {
  const char *again_pattern = NULL, *again_key = NULL;
  bool has_again = false;
  while (pattern || key) {
    size_t size = pattern ? word(pattern) : 0;
    if (pattern && size == 1 && *pattern == '#') {
      again_pattern = pattern = after(pattern, size);
      again_key = key;
      has_again = true;
      continue;
    }
    if (pattern && key &&
        ((size == 1 && *pattern == '*') || (size == word(key) && memcmp(pattern, key, size) == 0))) {
      key = after(key, word(key));
      pattern = after(pattern, size);
      continue;
    }
    if (!has_again || !again_key) return false;
    again_key = key = after(again_key, word(again_key));
    pattern = again_pattern;
  }
  return true;
}
