/* What the bodies of frames ask for. */
#pragma once
#include <orrery/value.h>

#include "base/buf.h"

struct orr_supervisor;

/* Takes over the resource's configuration, as the newest plug-in has it. */
void orr_settings_take(struct orr_supervisor *s, const struct orrery_value *settings);
/* Does what the request's verb says, and writes a list with a report for each of its items. */
void orr_request(struct orr_supervisor *s, const struct orrery_value *request, struct orr_buf *out);
