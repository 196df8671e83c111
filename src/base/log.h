/* The structured log: one line an event, text for a terminal, JSON otherwise. A line is a message (constant,
   lower case, greppable) and fields. Thread-safe: a line is written by a single write(2), so lines never mix.

     orr_log(log, ORR_LOG_INFO, "listening", ORR_S("url", url), ORR_I("workers", n)); */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum orr_log_level { ORR_LOG_DEBUG, ORR_LOG_INFO, ORR_LOG_WARN, ORR_LOG_ERROR };

struct orr_log {
  int fd;                   /* not owned */
  enum orr_log_level level; /* lines below it are dropped */
  bool json;
};

struct orr_field {
  const char *key;
  const char *text; /* NULL: the number counts */
  int64_t number;
};
#define ORR_S(k, s) ((struct orr_field){.key = (k), .text = (s)})
#define ORR_I(k, n) ((struct orr_field){.key = (k), .number = (n)})

void orr_log_fields(const struct orr_log *log, enum orr_log_level level, const char *message,
                    const struct orr_field *fields);
#define orr_log(log, level, message, ...)                                                                    \
  orr_log_fields((log), (level), (message), (const struct orr_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

bool orr_log_level_parse(const char *name, enum orr_log_level *level); /* "debug" … "error" */
