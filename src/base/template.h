/* Templates of sweeps: JSON with placeholders, filled from a flat map of scalars.
     "--k=${k}"  inside a text: the parameter's text
     ${n}        in place of a value: the parameter itself, so a number stays a number
     "$${k}"     a literal ${k}
   The result is JSON: a job of a sweep is stored as its parameters alone. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* Appends the template filled with the parameters (a JSON object) to `out`. A placeholder without a
   parameter, which a checked template does not have, is an error, and so is a result of more than 16 MiB. */
int orr_template_fill(struct orr_buf *out, const char *text, size_t size, const char *parameters,
                      size_t parameters_size, struct orr_err *err);
