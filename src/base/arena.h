/* An arena: memory that dies together. A request, a plug-in call or a parsed document owns one; what is
   allocated in it needs no free, and what must be closed hangs a destructor on it. Not thread-safe; one owner
   at a time. */
#pragma once
#include <stddef.h>

struct orr_arena;

struct orr_arena *orr_arena_create(void);
void orr_arena_destroy(struct orr_arena *arena); /* runs the destructors, newest first; NULL is legal */
void orr_arena_reset(struct orr_arena *arena);   /* the same, but keeps the first block for reuse */

void *orr_arena_alloc(struct orr_arena *arena, size_t size); /* 16-byte aligned, uninitialised */
void *orr_arena_zalloc(struct orr_arena *arena, size_t size);
char *orr_arena_dup(struct orr_arena *arena, const char *text, size_t size); /* adds a terminating NUL */
__attribute__((format(printf, 2, 3))) char *orr_arena_printf(struct orr_arena *arena, const char *format,
                                                             ...);

/* Calls `end(data)` when the arena is reset or destroyed. */
void orr_arena_on_end(struct orr_arena *arena, void (*end)(void *data), void *data);
