/* Looking a header up. Requests have a dozen; a walk over them beats a table. */
#include <string.h>

#include "http/http.h"

struct orr_slice orr_request_header(const struct orr_request *request, const char *name) {
  size_t size = strlen(name);
  for (size_t i = 0; i < request->header_count; i++) {
    const struct orr_header *header = &request->headers[i];
    if (header->name.size == size && memcmp(header->name.text, name, size) == 0) return header->value;
  }
  return (struct orr_slice){0};
}
