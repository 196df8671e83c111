/* Answers that have a keeper: what an open one costs while nothing happens is its connection, and little more. */
#include "http/private.h"

void orr_request_keep(struct orr_request *request, const struct orr_keeper *keeper, void *user) {
  struct orr_connection *connection = request->connection;
  request->keeper = keeper;
  request->user = user;
  request->path.text = orr_arena_dup(request->arena, request->path.text, request->path.size);
  request->target = request->query = request->body = (struct orr_slice){0};
  request->headers = NULL;
  request->header_count = 0;
  orr_buf_free(&connection->head);
  orr_buf_free(&connection->body);
  connection->http->kept++;
}

size_t orr_respond_queued(const struct orr_request *request) {
  const struct orr_connection *connection = request->connection;
  return connection->gone ? 0 : connection->wire->queued(connection->carrier);
}

void orr_respond_await(struct orr_request *request) { request->connection->answer.waiting = true; }

void orr_respond_drop(struct orr_request *request) { orr_connection_drop(request->connection, true); }
