/* JSON, strictly: RFC 8259 and nothing beside it. lua-cjson as packaged reads every number as a double, takes
   NaN, hex and broken UTF-8, and lets a repeated key win, none of which a stored specification survives; so
   bodies come in here. Reading makes a value tree; integers that fit 64 bits stay integers. Writing appends
   to a buffer. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

enum {
  ORR_JSON_DEPTH = 64,   /* deeper documents are refused */
  ORR_JSON_WRAPPED = 16, /* levels that one may be wrapped in on its way */
};

/* Reads one document. NULL on error, with `err` naming what is wrong and `*where` (may be NULL) the byte it
   is at. */
struct orrery_value *orr_json_read(struct orr_arena *arena, const char *text, size_t size, size_t *where,
                                   struct orr_err *err);

/* Whether a text is one map, from its first byte to its last. It may be as deep as a document that was wrapped in a few more
   maps on its way. */
bool orr_json_is_map(const char *text, size_t size);

void orr_json_put(struct orr_buf *out, const struct orrery_value *value);
/* In quotes. What is written can be read: broken UTF-8, and NUL, are U+FFFD then. */
void orr_json_put_text(struct orr_buf *out, const char *text, size_t size);
void orr_json_put_escaped(struct orr_buf *out, const char *text,
                          size_t size); /* the same without the quotes */
void orr_json_put_int(struct orr_buf *out, int64_t value);
void orr_json_put_real(struct orr_buf *out,
                       double value); /* shortest text that reads back equal; NaN, ∞ → null */
