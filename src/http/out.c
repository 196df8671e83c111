/* Bytes towards the client. They are built in the server's one buffer, whose size is zero in between, and the
   wire gathers what leaves for one connection in one turn of the loop. */
#include "http/private.h"

void orr_out_direct(struct orr_connection *connection, const void *bytes, size_t size) {
  if (connection->gone || size == 0) return;
  connection->given += size;
  connection->wire->write(connection->carrier, bytes, size);
}

void orr_out_send(struct orr_connection *connection) {
  struct orr_buf *out = &connection->http->out;
  orr_out_direct(connection, out->data, out->size);
  out->size = 0;
}
