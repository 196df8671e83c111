#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { FIRST_BLOCK = 2048, MAX_BLOCK = 256 * 1024, ALIGN = 16 };

struct block {
  struct block *next;
  size_t size, used;
  _Alignas(16) char bytes[];
};

struct ending {
  struct ending *next;
  void (*end)(void *data);
  void *data;
};

struct orr_arena {
  struct block *newest; /* the list ends at the first block, which a reset keeps */
  struct ending *endings;
};

static struct block *block_create(size_t size, struct block *next) {
  struct block *block = orr_alloc(sizeof *block + size);
  *block = (struct block){.next = next, .size = size};
  return block;
}

struct orr_arena *orr_arena_create(void) {
  struct orr_arena *arena = orr_alloc(sizeof *arena);
  *arena = (struct orr_arena){.newest = block_create(FIRST_BLOCK, NULL)};
  return arena;
}

void orr_arena_reset(struct orr_arena *arena) {
  while (arena->endings) {
    struct ending *ending = arena->endings;
    arena->endings = ending->next;
    ending->end(ending->data);
  }
  while (arena->newest->next) {
    struct block *block = arena->newest;
    arena->newest = block->next;
    free(block);
  }
  arena->newest->used = 0;
}

void orr_arena_destroy(struct orr_arena *arena) {
  if (!arena) return;
  orr_arena_reset(arena);
  free(arena->newest);
  free(arena);
}

void *orr_arena_alloc(struct orr_arena *arena, size_t size) {
  size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
  struct block *block = arena->newest;
  if (block->size - block->used < size) {
    size_t grown = block->size * 2 < MAX_BLOCK ? block->size * 2 : MAX_BLOCK;
    block = arena->newest = block_create(size > grown ? size : grown, block);
  }
  void *memory = block->bytes + block->used;
  block->used += size;
  return memory;
}

void *orr_arena_zalloc(struct orr_arena *arena, size_t size) {
  return memset(orr_arena_alloc(arena, size), 0, size);
}

char *orr_arena_dup(struct orr_arena *arena, const char *text, size_t size) {
  char *copy = orr_arena_alloc(arena, size + 1);
  if (size) memcpy(copy, text, size);
  copy[size] = 0;
  return copy;
}

char *orr_arena_printf(struct orr_arena *arena, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (size < 0) size = 0;
  char *text = orr_arena_alloc(arena, (size_t)size + 1);
  text[0] = 0;
  vsnprintf(text, (size_t)size + 1, format, again);
  va_end(again);
  return text;
}

void orr_arena_on_end(struct orr_arena *arena, void (*end)(void *data), void *data) {
  struct ending *ending = orr_arena_alloc(arena, sizeof *ending);
  *ending = (struct ending){.next = arena->endings, .end = end, .data = data};
  arena->endings = ending;
}
