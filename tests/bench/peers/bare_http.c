/* The most that one thread of libuv and llhttp can answer: it parses each request and sends the same answer of
   512 bytes to all, whatever they ask for.
   usage: bare_http PORT */
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { BODY_SIZE = 512, INPUT_SIZE = 65536 };

struct server {
  uv_tcp_t listener;
  uv_signal_t terminate;
  llhttp_settings_t settings;
  char answer[BODY_SIZE + 256];
  size_t answer_size;
};

struct client {
  uv_tcp_t tcp;
  struct server *server;
  llhttp_t parser;
  int unanswered; /* requests that ended in the bytes last read */
  char input[INPUT_SIZE];
};

static void closed(uv_handle_t *handle) { free(handle->data); }

static int request_ended(llhttp_t *parser) {
  struct client *client = parser->data;
  client->unanswered++;
  return 0;
}

static void lend_input(uv_handle_t *handle, size_t size, uv_buf_t *buffer) {
  (void)size;
  struct client *client = handle->data;
  *buffer = uv_buf_init(client->input, sizeof client->input);
}

/* Answers are small and clients few, so the socket takes each at once; one that does not has gone wrong. */
static int answer(struct client *client) {
  uv_buf_t bytes = uv_buf_init(client->server->answer, (unsigned)client->server->answer_size);
  return uv_try_write((uv_stream_t *)&client->tcp, &bytes, 1) == (int)bytes.len;
}

static void arrived(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  struct client *client = stream->data;
  int well = size >= 0 && llhttp_execute(&client->parser, buffer->base, (size_t)size) == HPE_OK;
  for (; well && client->unanswered > 0; client->unanswered--) well = answer(client);
  if (!well) uv_close((uv_handle_t *)stream, closed);
}

static void connected(uv_stream_t *listener, int status) {
  if (status < 0) return;
  struct client *client = calloc(1, sizeof *client);
  if (!client) abort();
  client->server = listener->data;
  client->tcp.data = client;
  llhttp_init(&client->parser, HTTP_REQUEST, &client->server->settings);
  client->parser.data = client;
  uv_tcp_init(listener->loop, &client->tcp);
  uv_accept(listener, (uv_stream_t *)&client->tcp);
  uv_tcp_nodelay(&client->tcp, 1);
  uv_read_start((uv_stream_t *)&client->tcp, lend_input, arrived);
}

static void asked_to_end(uv_signal_t *signal, int number) {
  (void)number;
  uv_stop(signal->loop);
}

static void write_answer(struct server *server) {
  char body[BODY_SIZE + 1];
  memset(body, '.', BODY_SIZE);
  memcpy(body, "{\"text\":\"", 9);
  memcpy(body + BODY_SIZE - 2, "\"}", 3);
  server->answer_size = (size_t)snprintf(
      server->answer, sizeof server->answer,
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", BODY_SIZE, body);
}

int main(int argc, char **argv) {
  struct server server;
  struct sockaddr_in address;
  if (argc != 2 || uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address)) return 64;
  llhttp_settings_init(&server.settings);
  server.settings.on_message_complete = request_ended;
  write_answer(&server);
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_init(loop, &server.listener);
  server.listener.data = &server;
  if (uv_tcp_bind(&server.listener, (struct sockaddr *)&address, 0) ||
      uv_listen((uv_stream_t *)&server.listener, 1024, connected))
    return 1;
  uv_signal_init(loop, &server.terminate);
  uv_signal_start(&server.terminate, asked_to_end, SIGTERM);
  uv_run(loop, UV_RUN_DEFAULT);
  return 0;
}
