#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int orr_fail(struct orr_err *err, enum orr_code code, const char *format, ...) {
  if (err) {
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
  }
  return code;
}

const char *orr_code_name(enum orr_code code) {
  switch (code) {
  case ORR_OK: return "ok";
  case ORR_INVALID: return "invalid";
  case ORR_NOT_FOUND: return "not_found";
  case ORR_CONFLICT: return "conflict";
  case ORR_TOO_LARGE: return "too_large";
  case ORR_BUSY: return "busy";
  case ORR_UNAVAILABLE: return "unavailable";
  case ORR_TIMEOUT: return "timeout";
  case ORR_NO_MEMORY: return "no_memory";
  case ORR_NO_SPACE: return "no_space";
  case ORR_IO: return "io";
  case ORR_INTERNAL: return "internal";
  }
  return "internal";
}
