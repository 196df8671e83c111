/* Errors: a function returns 0 or a negative code, and puts the human sentence into a struct its caller owns.
   Failing is one line: `return orr_fail(err, ORR_IO, "cannot open %s", path);` */
#pragma once

enum orr_code {
  ORR_OK = 0,
  ORR_INVALID = -1,     /* the input is wrong; the text says what would be right */
  ORR_NOT_FOUND = -2,   /* no such thing */
  ORR_CONFLICT = -3,    /* a guard failed: somebody else was first */
  ORR_TOO_LARGE = -4,   /* over a limit */
  ORR_BUSY = -5,        /* full for now, try later */
  ORR_UNAVAILABLE = -6, /* a needed part is down */
  ORR_TIMEOUT = -7,     /* a deadline or budget passed */
  ORR_NO_MEMORY = -8,   /* a memory budget is used up */
  ORR_NO_SPACE = -9,    /* the disk is full */
  ORR_IO = -10,         /* the operating system refused */
  ORR_INTERNAL = -11,   /* a defect of ours */
};

struct orr_err {
  enum orr_code code;
  char text[512];
};

/* Fills `err` (which may be NULL) and returns `code`. */
__attribute__((format(printf, 3, 4))) int orr_fail(struct orr_err *err, enum orr_code code,
                                                   const char *format, ...);

/* The stable lower-case name of a code ("not_found"), as Lua and the log see it. */
const char *orr_code_name(enum orr_code code);
