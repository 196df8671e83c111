/* The answer to what is no request: its text is the receiver's, so that all errors look alike; then the
   connection ends, for nobody knows where the next request would begin. */
#include "base/json.h"
#include "http/private.h"

static void note(struct orr_connection *connection, const char *id, int status, const char *detail) {
  const struct orr_log *log = connection->http->log;
  if (log->level > ORR_LOG_DEBUG) return;
  char peer[64];
  connection->wire->peer(connection->carrier, peer, sizeof peer);
  orr_log(log, ORR_LOG_DEBUG, "request refused", ORR_S("request", id), ORR_I("status", status),
          ORR_S("detail", detail), ORR_S("peer", peer));
}

void orr_refuse(struct orr_connection *connection, int status, const char *kind, const char *detail) {
  struct orr_http *http = connection->http;
  if (connection->phase == ORR_PHASE_ANSWER) {
    orr_body_break(connection, status, kind, detail);
    return;
  }
  char id[sizeof connection->request.id];
  struct orr_buf headers = {0}, body = {0};
  orr_http_next_id(http, id);
  http->events->refused(http->data, status, kind, detail, id, &headers, &body);

  connection->keep = false;
  orr_respond_head(connection, id, status, headers.data, headers.size);
  ORR_BUF_LIT(&http->out, "Content-Length: ");
  orr_json_put_int(&http->out, (int64_t)body.size);
  ORR_BUF_LIT(&http->out, "\r\n\r\n");
  if (connection->request.method != ORR_HEAD) orr_buf_put(&http->out, body.data, body.size);
  orr_out_send(connection);
  orr_buf_free(&headers);
  orr_buf_free(&body);
  note(connection, id, status, detail);
  orr_connection_finish(connection);
}
