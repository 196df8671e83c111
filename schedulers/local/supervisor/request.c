#include "supervisor/request.h"

#include <string.h>
#include <unistd.h>

#include "supervisor/supervisor.h"

static int64_t milliseconds(const struct orrery_value *seconds, double otherwise) {
  return (int64_t)(orrery_real(seconds, otherwise) * 1000);
}

void orr_settings_take(struct orr_supervisor *s, const struct orrery_value *settings) {
  struct orr_settings have = {
      .cores = orrery_int(orrery_get(settings, "cores"), sysconf(_SC_NPROCESSORS_ONLN)),
      .grace_ms = milliseconds(orrery_get(settings, "kill_grace"), 5),
      .linger_ms = milliseconds(orrery_get(settings, "linger"), 10),
  };
  if (memcmp(&have, &s->settings, sizeof have) == 0) return;
  s->settings = have;
  orr_note(s, ORR_RECORD_SETTINGS, 0, &have, sizeof have);
}

static void refuse(const struct orrery_value *items, struct orr_buf *out) {
  for (size_t i = 0; i < orrery_count(items); i++) {
    orr_wire_map(out, NULL);
    orr_report_problem(out, "rejected", "the local scheduler's supervisor does not know this verb");
    orr_wire_end_map(out);
  }
}

void orr_request(struct orr_supervisor *s, const struct orrery_value *request, struct orr_buf *out) {
  const char *verb = orrery_text(orrery_get(request, "verb"), NULL, "");
  const struct orrery_value *items = orrery_get(request, "items");
  orr_wire_list(out, NULL);
  if (strcmp(verb, "submit") == 0)
    orr_submit(s, items, out);
  else if (strcmp(verb, "monitor") == 0)
    orr_monitor(s, items, out);
  else if (strcmp(verb, "find") == 0)
    orr_find(s, items, out);
  else if (strcmp(verb, "status") == 0)
    orr_status(s, out);
  else if (!orr_control(s, verb, request, out))
    refuse(items, out);
  orr_wire_end_list(out);
}
