/* Bodies that their receiver reads as they come. What has come and was not read lies in the connection's `body`; beyond a
   bound nothing more is parsed, and then the wire is paused. The clock for the next 16 KiB runs only while the receiver
   waits: a client need not answer for a slow disk. */
#include <string.h>

#include "http/private.h"

bool orr_body_comes(const struct orr_connection *connection) {
  return connection->streams && !connection->message_done && !connection->request.fault.status;
}

void orr_body_invite(struct orr_connection *connection) {
  if (!connection->expects) return;
  connection->expects = false;
  ORR_BUF_LIT(&connection->http->out, "HTTP/1.1 100 Continue\r\n\r\n");
  orr_out_send(connection);
}

void orr_body_break(struct orr_connection *connection, int status, const char *kind, const char *detail) {
  struct orr_request *request = &connection->request;
  connection->deadline = 0;
  request->fault = (struct orr_fault){status, kind, orr_arena_dup(request->arena, detail, strlen(detail))};
}

void orr_body_tell(struct orr_connection *connection) {
  const struct orr_http *http = connection->http;
  if (!connection->awaited || connection->gone || (connection->body.size == 0 && orr_body_comes(connection))) return;
  connection->awaited = false;
  connection->patience = connection->deadline - orr_loop_now(http->loop);
  connection->deadline = 0;
  http->events->readable(http->data, &connection->request);
}

/* Who reads while bytes are being eaten is told of them soon. */
static void catch_up(struct orr_connection *connection) {
  if (!connection->eating) orr_connection_go_on(connection);
}

static enum orr_reading take(struct orr_connection *connection, struct orr_slice *piece) {
  struct orr_buf taken = connection->body;
  connection->body = connection->piece;
  connection->body.size = 0;
  connection->piece = taken;
  catch_up(connection);
  *piece = (struct orr_slice){taken.data, taken.size};
  return ORR_READ_PIECE;
}

static enum orr_reading wait_for_more(struct orr_connection *connection) {
  const struct orr_http *http = connection->http;
  if (connection->body_bytes - connection->body_mark >= ORR_PIECE) {
    connection->body_mark = connection->body_bytes;
    connection->patience = http->limits.body_ms;
  }
  connection->deadline = orr_loop_now(http->loop) + connection->patience;
  connection->awaited = true;
  return ORR_READ_LATER;
}

enum orr_reading orr_request_read(struct orr_request *request, struct orr_slice *piece) {
  struct orr_connection *connection = request->connection;
  *piece = (struct orr_slice){0};
  if (request->aborted) return ORR_READ_BROKEN;
  if (!connection->streams) return ORR_READ_END;
  if (connection->body_bytes == 0 && !connection->answer.begun) orr_body_invite(connection);
  if (connection->body.size == 0) catch_up(connection);
  if (connection->body.size > 0) return take(connection, piece);
  if (connection->message_done) return ORR_READ_END;
  return request->fault.status ? ORR_READ_BROKEN : wait_for_more(connection);
}
