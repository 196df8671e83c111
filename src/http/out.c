/* Bytes towards the client. While what a connection sent is being read, the connection is corked: its answers
   gather in the server's one buffer and leave together. Any other connection that is answered meanwhile
   builds its bytes behind them, in the same buffer, and writes them at once. */
#include "http/private.h"

static void give(struct orr_connection *connection, const void *bytes, size_t size) {
  if (connection->gone || size == 0) return;
  connection->given += size;
  connection->wire->write(connection->carrier, bytes, size);
}

bool orr_out_cork(struct orr_connection *connection) {
  struct orr_http *http = connection->http;
  if (http->corked) return false;
  http->corked = connection;
  return true;
}

void orr_out_uncork(struct orr_connection *connection) {
  orr_out_flush(connection);
  connection->http->corked = NULL;
}

void orr_out_flush(struct orr_connection *connection) {
  struct orr_http *http = connection->http;
  if (http->corked != connection) return;
  give(connection, http->out.data, http->out.size);
  http->out.size = 0;
}

size_t orr_out_begin(struct orr_connection *connection) { return connection->http->out.size; }

void orr_out_end(struct orr_connection *connection, size_t begin) {
  struct orr_http *http = connection->http;
  if (http->corked == connection) {
    if (http->out.size > ORR_OUT_ROOM) orr_out_flush(connection);
  } else {
    give(connection, http->out.data + begin, http->out.size - begin);
    http->out.size = begin;
  }
}

void orr_out_direct(struct orr_connection *connection, const void *bytes, size_t size) {
  orr_out_flush(connection);
  give(connection, bytes, size);
}
