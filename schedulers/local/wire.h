/* Values as bytes: how the plug-in and its supervisor talk, and how the supervisor's journal keeps a
   submission. Written front to back into a buffer, read front to back without trust: a reader that meets
   anything malformed says so and stops. Numbers are in the machine's own order, for the bytes never leave it.

     { key value key value … }    map        i 8 bytes     integer       t, f    true, false
     [ value value … ]            list       r 8 bytes     real          n       null
     s size (4 bytes) bytes NUL   text

   A key is written as a text is, without the s; what closes a map is four bytes 255, a size no key can have.

   Uses the public interface of values only, so that the plug-in depends on nothing inside its host. */
#pragma once
#include <orrery/value.h>

#include "base/buf.h"

/* Writing. `key` names the member of a map and is NULL for the items of a list. */
void orr_wire_map(struct orr_buf *out, const char *key);  /* opens a map; close it with orr_wire_end_map */
void orr_wire_list(struct orr_buf *out, const char *key); /* opens a list; close it with orr_wire_end_list */
void orr_wire_end_map(struct orr_buf *out);
void orr_wire_end_list(struct orr_buf *out);
void orr_wire_bool(struct orr_buf *out, const char *key, bool value);
void orr_wire_int(struct orr_buf *out, const char *key, int64_t value);
void orr_wire_real(struct orr_buf *out, const char *key, double value);
void orr_wire_text(struct orr_buf *out, const char *key, const char *text); /* NULL writes nothing */
void orr_wire_value(struct orr_buf *out, const char *key, const struct orrery_value *value);

struct orr_wire {
  const char *at, *end;
};

/* Reading. Each returns false at malformed bytes, after which the reader is of no more use. */
bool orr_wire_enter_list(struct orr_wire *in);
bool orr_wire_more(struct orr_wire *in); /* another item of the list? False also consumes the list's end */
bool orr_wire_read_int(struct orr_wire *in, int64_t *value);
/* Adds the members of the map that comes next to `into`, an empty map. */
bool orr_wire_read_map(struct orr_wire *in, struct orrery_value *into);
