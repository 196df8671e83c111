#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

char *orr_buf_reserve(struct orr_buf *buf, size_t extra) {
  if (buf->room - buf->size < extra) {
    size_t room = buf->room ? buf->room * 2 : 256;
    while (room - buf->size < extra) room *= 2;
    buf->data = orr_realloc(buf->data, room);
    buf->room = room;
  }
  return buf->data + buf->size;
}

void orr_buf_put(struct orr_buf *buf, const void *bytes, size_t size) {
  if (size == 0) return;
  memcpy(orr_buf_reserve(buf, size), bytes, size);
  buf->size += size;
}

void orr_buf_puts(struct orr_buf *buf, const char *text) { orr_buf_put(buf, text, strlen(text)); }

void orr_buf_printf(struct orr_buf *buf, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (size > 0) {
    vsnprintf(orr_buf_reserve(buf, (size_t)size + 1), (size_t)size + 1, format, again);
    buf->size += (size_t)size;
  }
  va_end(again);
}

const char *orr_buf_text(struct orr_buf *buf) {
  *orr_buf_reserve(buf, 1) = 0;
  return buf->data;
}

void orr_buf_drop(struct orr_buf *buf, size_t size) {
  buf->size -= size;
  if (buf->size) memmove(buf->data, buf->data + size, buf->size);
}

void orr_buf_free(struct orr_buf *buf) {
  free(buf->data);
  *buf = (struct orr_buf){0};
}
