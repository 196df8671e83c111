/* The message bus, as the configuration describes it. */
#include <stdlib.h>
#include <string.h>

#include "app/server.h"
#include "base/file.h"

static const char *setting(const struct orr_server *server, const char *path) {
  return orrery_text(orrery_get(server->config, path), NULL, NULL);
}

static int64_t number(const struct orr_server *server, const char *path, int64_t otherwise) {
  return orrery_int(orrery_get(server->config, path), otherwise);
}

enum { LONGEST_PASSWORD = 4096 };

/* A file's first line. */
static int read_password(const char *path, struct orr_buf *line, struct orr_err *err) {
  int code = orr_file_read(path, LONGEST_PASSWORD, line, err);
  if (code == ORR_OK) line->data[strcspn(orr_buf_text(line), "\r\n")] = 0;
  return code;
}

struct orr_bus *orr_server_bus(const struct orr_server *server, struct orr_err *err) {
  struct orr_buf password = {0};
  const char *file = setting(server, "bus.password_file");
  if (file && read_password(file, &password, err)) return NULL;
  struct orr_bus_options options = {
      .url = setting(server, "bus.url"),
      .password = file ? password.data : NULL,
      .ca = setting(server, "bus.ca_file"),
      .cert = setting(server, "bus.cert_file"),
      .key = setting(server, "bus.key_file"),
      .unverified = !orrery_bool(orrery_get(server->config, "bus.verify"), true),
      .prefix = orrery_text(orrery_get(server->config, "bus.prefix"), NULL, "orrery"),
      .heartbeat_s = (int)number(server, "bus.heartbeat_s", 10),
      .window = (int)number(server, "bus.window", 256),
      .body_bytes = (size_t)number(server, "http.body_bytes", 16777216),
      .log = &server->log};
  struct orr_bus *bus = orr_bus_create(&options, err);
  orr_buf_free(&password);
  return bus;
}
