/* A growing run of bytes. Zero-initialise it (`struct orr_buf b = {0};`), append, then take or free `data`.
   `data` is NULL while empty and is not NUL-terminated; orr_buf_text() adds the NUL. */
#pragma once
#include <stddef.h>

struct orr_buf {
  char *data;
  size_t size, room;
};

char *orr_buf_reserve(struct orr_buf *buf,
                      size_t extra); /* where `extra` bytes may be written; then add to size */
void orr_buf_put(struct orr_buf *buf, const void *bytes, size_t size);
void orr_buf_puts(struct orr_buf *buf, const char *text);
__attribute__((format(printf, 2, 3))) void orr_buf_printf(struct orr_buf *buf, const char *format, ...);
const char *orr_buf_text(struct orr_buf *buf);       /* NUL-terminated view; NUL not counted in size */
void orr_buf_drop(struct orr_buf *buf, size_t size); /* forgets the first `size` bytes */
void orr_buf_free(struct orr_buf *buf);              /* leaves it empty and usable */

static inline void orr_buf_putc(struct orr_buf *buf, char byte) {
  if (buf->size == buf->room) orr_buf_reserve(buf, 1);
  buf->data[buf->size++] = byte;
}
#define ORR_BUF_LIT(buf, literal) orr_buf_put((buf), "" literal, sizeof(literal) - 1)
