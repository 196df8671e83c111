/* From method and path to the number of a route. Built once per worker, then read only. A pattern's segments
   are words or captures: "/v1/jobs/{id}"; a last segment "{path*}" captures the rest, slashes included (it
   may be empty: "/files/{path*}" is "/files", too). Words win over captures, and captures over the rest; the
   methods of a path are those of the pattern that won. A capture is never empty. Captures are percent-decoded
   into the request's arena; a bad escape, a NUL or broken UTF-8 is ORR_INVALID. */
#pragma once
#include "http/http.h"

struct orr_router;

enum { ORR_CAPTURES = 4 };

struct orr_route_match {
  int route; /* the number given to orr_router_add; -1: no such path; -2: other method */
  struct orr_slice captures[ORR_CAPTURES]; /* in the pattern's order */
  int capture_count;
  unsigned allowed; /* bit per enum orr_method: what this path has (for Allow) */
};

struct orr_router *orr_router_create(void);
void orr_router_destroy(struct orr_router *router);
/* A pattern that stands twice for one method, or is malformed, is an error. */
int orr_router_add(struct orr_router *router, enum orr_method method, const char *pattern, int route,
                   struct orr_err *err);
/* HEAD falls back to GET. */
int orr_router_match(const struct orr_router *router, enum orr_method method, struct orr_slice path,
                     struct orr_arena *arena, struct orr_route_match *match, struct orr_err *err);

/* Percent-decoding of one query or path component; '+' is a space when `plus` is set. */
int orr_percent_decode(struct orr_slice in, bool plus, struct orr_arena *arena, struct orr_slice *out,
                       struct orr_err *err);
