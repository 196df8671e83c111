/* What a connection needs of whatever carries its bytes: a TCP stream (wire.c), or a test that plays one. The
   other direction are the orr_connection_data, _end, _drained and _closed of private.h. As with streams, no
   call of these calls back. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct orr_wire_ops {
  bool (*write)(void *carrier, const void *bytes, size_t size);
  size_t (*queued)(void *carrier);
  void (*pause)(void *carrier);
  void (*resume)(void *carrier);
  void (*finish)(void *carrier);
  void (*close)(void *carrier);
  void (*reset)(void *carrier);
  void (*peer)(void *carrier, char *out, size_t room);
};

extern const struct orr_wire_ops orr_wire_stream; /* the carrier is a struct orr_stream */
