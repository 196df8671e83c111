#include "base/log.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};

bool orr_log_level_parse(const char *name, enum orr_log_level *level) {
  for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
    if (strcmp(name, level_names[i]) == 0) return *level = (enum orr_log_level)i, true;
  return false;
}

static void put_field(struct orr_buf *line, const struct orr_field *field, bool json) {
  if (json) {
    ORR_BUF_LIT(line, ",\"");
    orr_buf_puts(line, field->key);
    ORR_BUF_LIT(line, "\":");
  } else {
    orr_buf_putc(line, ' ');
    orr_buf_puts(line, field->key);
    orr_buf_putc(line, '=');
  }
  if (!field->text)
    orr_buf_printf(line, "%lld", (long long)field->number);
  else if (json || field->text[strcspn(field->text, " \"\\=\n\t\x1b")])
    orr_json_put_text(line, field->text, strlen(field->text));
  else
    orr_buf_puts(line, field->text);
}

void orr_log_fields(const struct orr_log *log, enum orr_log_level level, const char *message,
                    const struct orr_field *fields) {
  if (level < log->level) return;
  struct orr_buf line = {0};
  char now[ORR_TIME_TEXT];
  orr_time_text(orr_wall_ms(), now);
  if (log->json) {
    orr_buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", now, level_names[level]);
    orr_json_put_text(&line, message, strlen(message));
  } else {
    orr_buf_printf(&line, "%.12s %-5s %s", now + 11, level_names[level], message);
  }
  for (; fields->key; fields++) put_field(&line, fields, log->json);
  orr_buf_puts(&line, log->json ? "}\n" : "\n");
  ssize_t written = write(log->fd, line.data, line.size);
  (void)written; /* a log that cannot be written has nowhere to say so */
  orr_buf_free(&line);
}
