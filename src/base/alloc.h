/* Memory that cannot fail: every size that reaches these functions is bounded by a limit checked before, so
   running out means the machine is out, and the only honest answer is to stop with a message. */
#pragma once
#include <stddef.h>

void *orr_alloc(size_t size);  /* uninitialised */
void *orr_zalloc(size_t size); /* zeroed */
void *orr_realloc(void *old, size_t size);
char *orr_strndup(const char *text, size_t size); /* adds the terminating NUL */
char *orr_strdup(const char *text);               /* NULL stays NULL */
