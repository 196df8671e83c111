/* The statements of the process: each SQL text has a number, for ever. Any thread; a lookup of a new text
   takes a lock, so callers ask once and keep the number. */
#pragma once
#include <stddef.h>

struct orr_statements;

struct orr_statements *orr_statements_create(void);
void orr_statements_destroy(struct orr_statements *statements);

int orr_statements_number(struct orr_statements *statements, const char *sql, size_t size);
/* NULL for a number never given out. Valid until the registry is destroyed. */
const char *orr_statements_sql(struct orr_statements *statements, int number);
