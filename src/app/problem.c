#include "app/problem.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

void orr_put_problem(struct orr_buf *body, int status, const char *kind, const char *detail, const char *id) {
  orr_buf_printf(body, "{\"type\":\"/problems/%s\",\"title\":", kind);
  char title[64];
  snprintf(title, sizeof title, "%s", kind);
  for (char *dash; (dash = strchr(title, '-'));) *dash = ' ';
  title[0] = (char)(title[0] - 'a' + 'A');
  orr_json_put_text(body, title, strlen(title));
  orr_buf_printf(body, ",\"status\":%d,\"detail\":", status);
  orr_json_put_text(body, detail, strlen(detail));
  ORR_BUF_LIT(body, ",\"request_id\":");
  orr_json_put_text(body, id, strlen(id));
  ORR_BUF_LIT(body, "}");
}

struct orr_failure orr_failure_of(enum orr_outcome outcome) {
  if (outcome == ORR_TASK_OVERTIME)
    return (struct orr_failure){503, "too-slow", "The handler of this request ran longer than its budget."};
  if (outcome == ORR_TASK_NO_MEMORY)
    return (struct orr_failure){503, "out-of-memory",
                                "The memory budget of this worker is used up; try again."};
  return (struct orr_failure){500, "internal",
                              "A defect of the server; its log has the details under this request id."};
}
