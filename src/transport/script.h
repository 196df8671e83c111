/* The scripts of errands, and what their shells have written. Within the room. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { ORR_MARK_ROOM = 48 };
void orr_mark_new(char out[ORR_MARK_ROOM]); /* a word that nobody can guess */

/* A script between marks. */
void orr_script_wrap(struct orr_buf *into, const char *script, size_t size, const char *mark);
/* What `sh -c` makes a script of, in letters that stand for themselves between single quotes in every shell. */
void orr_script_as_word(struct orr_buf *into, const struct orr_buf *script);
/* Drops what stands before the line that is the mark, and that. False: there is none yet. */
bool orr_script_cut_front(struct orr_buf *text, const char *mark);
/* Cuts the mark off the end. → the exit code behind it; -1: there is none. */
int orr_script_cut_end(struct orr_buf *errors, const char *mark);
