#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory, size_t size) {
  if (memory || size == 0) return memory;
  fprintf(stderr, "orrery: out of memory (%zu bytes asked)\n", size);
  abort();
}

void *orr_alloc(size_t size) { return must(malloc(size), size); }
void *orr_zalloc(size_t size) { return must(calloc(1, size), size); }
void *orr_realloc(void *old, size_t size) { return must(realloc(old, size), size); }

char *orr_strndup(const char *text, size_t size) {
  char *copy = orr_alloc(size + 1);
  if (size) memcpy(copy, text, size);
  copy[size] = 0;
  return copy;
}

char *orr_strdup(const char *text) { return text ? orr_strndup(text, strlen(text)) : NULL; }
