/* Collects the head of a request, line by line, until the empty line. The parser gets a head only when it is
   whole and in one piece: so what it makes of one cannot depend on how the bytes were cut into packets, and
   the request's slices can point into it. What llhttp lets pass, and what is read in two ways by two servers
   (a bare LF, a folded header), is refused here. */
#include <ctype.h>
#include <string.h>

#include "http/private.h"

static void too_long(struct orr_connection *connection) {
  if (connection->lines == 0)
    orr_refuse(connection, 414, "target-too-long", "The request line is longer than this server reads.");
  else
    orr_refuse(connection, 431, "headers-too-large", "The headers are longer than this server reads.");
}

static void line_ended(struct orr_connection *connection) {
  struct orr_buf *head = &connection->head;
  const char *line = head->data + connection->line;
  size_t size = head->size - connection->line;
  if (size < 2 || line[size - 2] != '\r') {
    orr_refuse(connection, 400, "bad-request", "A line of the request ends in LF without CR.");
  } else if (size == 2) {
    if (connection->lines > 0)
      orr_parse_head(connection);
    else
      head->size = 0; /* empty lines before a request are left over from sloppy clients */
  } else if (connection->lines > 0 && (*line == ' ' || *line == '\t')) {
    orr_refuse(connection, 400, "bad-request", "A header is folded over two lines.");
  } else if (connection->lines > ORR_HEADERS) {
    orr_refuse(connection, 431, "too-many-headers", "The request has more than 100 headers.");
  } else {
    if (connection->lines++ == 0) connection->line_one = size;
    connection->line = head->size;
  }
}

size_t orr_head_take(struct orr_connection *connection, const char *bytes, size_t size) {
  size_t used = 0;
  while (used < size && connection->phase == ORR_PHASE_HEAD) {
    const char *from = bytes + used, *lf = memchr(from, '\n', size - used);
    size_t piece = lf ? (size_t)(lf - from) + 1 : size - used;
    if (connection->head.size == 0 && !isalpha((unsigned char)*from) && *from != '\r' && *from != '\n') {
      orr_refuse(connection, 400, "bad-request",
                 "This is not HTTP; if it is HTTPS, this port is the wrong one.");
    } else if (connection->head.size + piece > connection->http->limits.header_bytes) {
      too_long(connection);
    } else {
      orr_buf_put(&connection->head, from, piece);
      used += piece;
      if (lf) line_ended(connection);
    }
  }
  return used;
}
