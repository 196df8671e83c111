/* Answers, whole or streamed. A whole answer is a streamed one whose length is known and whose pieces leave
   together. */
#include "base/json.h"
#include "http/private.h"

void orr_respond_head(struct orr_connection *connection, const char *id, int status, const char *headers,
                      size_t headers_size) {
  struct orr_buf *out = &connection->http->out;
  ORR_BUF_LIT(out, "HTTP/1.1 ");
  orr_json_put_int(out, status);
  orr_buf_putc(out, ' ');
  orr_buf_puts(out, orr_status_reason(status));
  ORR_BUF_LIT(out, "\r\n");
  orr_buf_put(out, connection->http->date, ORR_DATE_LINE);
  ORR_BUF_LIT(out, "X-Request-Id: ");
  orr_buf_put(out, id, 16);
  ORR_BUF_LIT(out, "\r\n");
  if (!connection->keep)
    ORR_BUF_LIT(out, "Connection: close\r\n");
  else if (llhttp_get_http_minor(&connection->parser) == 0)
    ORR_BUF_LIT(out, "Connection: keep-alive\r\n");
  orr_buf_put(out, headers, headers_size);
}

static enum orr_framing framing_of(struct orr_connection *connection, int64_t length) {
  if (length >= 0) return ORR_FRAMING_LENGTH;
  return llhttp_get_http_minor(&connection->parser) == 0 ? ORR_FRAMING_UNTIL_CLOSE : ORR_FRAMING_CHUNKED;
}

static void put_head(struct orr_request *request, int status, const char *headers, size_t headers_size,
                     int64_t length) {
  struct orr_connection *connection = request->connection;
  struct orr_answer *answer = &connection->answer;
  bool never_a_body = status == 204 || status == 304;
  *answer = (struct orr_answer){
      .status = status,
      .begun = true,
      .bodyless = never_a_body || request->method == ORR_HEAD,
      .framing = framing_of(connection, length),
      .left = length > 0 ? (uint64_t)length : 0,
  };
  if (connection->http->draining || orr_body_comes(connection) || request->fault.status) connection->keep = false;
  if (answer->framing == ORR_FRAMING_UNTIL_CLOSE && !answer->bodyless) connection->keep = false;
  if (connection->gone) return;

  struct orr_buf *out = &connection->http->out;
  orr_respond_head(connection, request->id, status, headers, headers_size);
  if (answer->framing == ORR_FRAMING_LENGTH && status != 204 && !(status == 304 && length == 0)) {
    ORR_BUF_LIT(out, "Content-Length: ");
    orr_json_put_int(out, length);
    ORR_BUF_LIT(out, "\r\n");
  } else if (answer->framing == ORR_FRAMING_CHUNKED && !never_a_body) {
    ORR_BUF_LIT(out, "Transfer-Encoding: chunked\r\n");
  }
  ORR_BUF_LIT(out, "\r\n");
}

void orr_respond_begin(struct orr_request *request, int status, const char *headers, size_t headers_size,
                       int64_t length) {
  put_head(request, status, headers, headers_size, length);
  orr_out_send(request->connection);
}

static void put_piece(struct orr_connection *connection, const void *bytes, size_t size) {
  struct orr_buf *out = &connection->http->out;
  bool chunked = connection->answer.framing == ORR_FRAMING_CHUNKED, large = size > ORR_OUT_ROOM;
  if (chunked) orr_buf_printf(out, "%zx\r\n", size);
  if (large) {
    orr_out_send(connection);
    orr_out_direct(connection, bytes, size);
  } else {
    orr_buf_put(out, bytes, size);
  }
  if (chunked) ORR_BUF_LIT(out, "\r\n");
  orr_out_send(connection);
}

bool orr_respond_write(struct orr_request *request, const void *bytes, size_t size) {
  struct orr_connection *connection = request->connection;
  struct orr_answer *answer = &connection->answer;
  if (answer->framing == ORR_FRAMING_LENGTH) {
    if (size > answer->left)
      size = (size_t)answer->left; /* what was not promised would be read as the next answer */
    answer->left -= size;
  }
  if (size == 0 || answer->bodyless || connection->gone) return true;
  answer->bytes += size;
  put_piece(connection, bytes, size);
  answer->waiting = connection->wire->queued(connection->carrier) > ORR_HIGH_WATER;
  return !answer->waiting;
}

void orr_respond_end(struct orr_request *request, bool cut) {
  struct orr_connection *connection = request->connection;
  struct orr_answer *answer = &connection->answer;
  answer->cut = !answer->begun || (!answer->bodyless && (cut || answer->left > 0));
  if (answer->cut) {
    connection->keep = false;
  } else if (answer->framing == ORR_FRAMING_CHUNKED && !answer->bodyless && !connection->gone) {
    ORR_BUF_LIT(&connection->http->out, "0\r\n\r\n");
    orr_out_send(connection);
  }
  orr_connection_answered(connection);
}

void orr_respond(struct orr_request *request, int status, const char *headers, size_t headers_size,
                 const void *body, size_t body_size) {
  put_head(request, status, headers, headers_size, (int64_t)body_size);
  orr_respond_write(request, body, body_size);
  orr_out_send(request->connection);
  orr_respond_end(request, false);
}
