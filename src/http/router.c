/* A tree of segments. Each node has word children, at most one capture child, and at most one tail; a match
   walks down the words first and comes back to the captures where they led nowhere. */
#include "http/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { NO_ROUTE = -1, NO_PATH = -1, OTHER_METHOD = -2 };

/* The routes that end at one place, by method. */
struct leaf {
  int route[ORR_METHOD_OTHER];
};

struct node {
  struct orr_slice word; /* of the segment that leads here; text NULL: a capture */
  struct node *next;     /* its sibling */
  struct node *words, *capture;
  struct leaf here, tail; /* the path ends here; or whatever follows is captured */
};

struct orr_router {
  struct node root;
};

static void leaf_clear(struct leaf *leaf) {
  for (int method = 0; method < ORR_METHOD_OTHER; method++) leaf->route[method] = NO_ROUTE;
}

static struct node *node_create(const char *word, size_t size) {
  struct node *node = orr_zalloc(sizeof *node);
  if (word) node->word = (struct orr_slice){orr_strndup(word, size), size};
  leaf_clear(&node->here);
  leaf_clear(&node->tail);
  return node;
}

static void node_destroy(struct node *node) {
  while (node) {
    struct node *next = node->next;
    node_destroy(node->words);
    node_destroy(node->capture);
    free((char *)node->word.text);
    free(node);
    node = next;
  }
}

struct orr_router *orr_router_create(void) {
  struct orr_router *router = orr_zalloc(sizeof *router);
  leaf_clear(&router->root.here);
  leaf_clear(&router->root.tail);
  return router;
}

void orr_router_destroy(struct orr_router *router) {
  if (!router) return;
  node_destroy(router->root.words);
  node_destroy(router->root.capture);
  free(router);
}

static struct node *find_word(const struct node *node, const char *word, size_t size) {
  for (struct node *at = node->words; at; at = at->next)
    if (at->word.size == size && memcmp(at->word.text, word, size) == 0) return at;
  return NULL;
}

static struct node *add_segment(struct node *node, const char *segment, size_t size) {
  if (*segment == '{') return node->capture ? node->capture : (node->capture = node_create(NULL, 0));
  struct node *child = find_word(node, segment, size);
  if (child) return child;
  child = node_create(segment, size);
  child->next = node->words;
  return node->words = child;
}

/* A segment is a word without braces, or "{name}"; "{name*}" is legal at the end. Only "/" has an empty one.
 */
enum kind { MALFORMED, WORD, CAPTURE, TAIL };

static enum kind kind_of(const char *segment, size_t size) {
  size_t braces = 0;
  for (size_t i = 0; i < size; i++) braces += segment[i] == '{' || segment[i] == '}';
  if (braces == 0) return memchr(segment, '*', size) ? MALFORMED : WORD;
  if (braces != 2 || size < 3 || *segment != '{' || segment[size - 1] != '}') return MALFORMED;
  const char *star = memchr(segment, '*', size);
  if (!star) return CAPTURE;
  return star == segment + size - 2 && size > 3 && !segment[size] ? TAIL : MALFORMED;
}

int orr_router_add(struct orr_router *router, enum orr_method method, const char *pattern, int route,
                   struct orr_err *err) {
  struct node *node = &router->root;
  struct leaf *leaf = NULL;
  int captures = 0;
  const char *at = pattern;
  if (*at != '/') return orr_fail(err, ORR_INVALID, "route %s: a pattern begins with a slash", pattern);
  if (method >= ORR_METHOD_OTHER) return orr_fail(err, ORR_INVALID, "route %s: no such method", pattern);
  while (*at == '/' && !leaf) {
    const char *segment = ++at;
    size_t size = strcspn(segment, "/");
    at += size;
    enum kind kind = size > 0 || strcmp(pattern, "/") == 0 ? kind_of(segment, size) : MALFORMED;
    captures += kind == CAPTURE || kind == TAIL;
    if (kind == MALFORMED)
      return orr_fail(err, ORR_INVALID,
                      "route %s: segment %.*s is neither a word nor {name}, nor {name*} at the end", pattern,
                      (int)size, segment);
    if (captures > ORR_CAPTURES)
      return orr_fail(err, ORR_INVALID, "route %s: more than %d captures", pattern, ORR_CAPTURES);
    if (kind == TAIL)
      leaf = &node->tail;
    else
      node = add_segment(node, segment, size);
  }
  if (!leaf) leaf = &node->here;
  if (leaf->route[method] != NO_ROUTE)
    return orr_fail(err, ORR_CONFLICT, "route %s stands twice for the same method", pattern);
  leaf->route[method] = route;
  return 0;
}

/* The walk. `raw` are the captures so far, still encoded. */
struct walk {
  const char *end;
  struct orr_slice raw[ORR_CAPTURES];
  int count;
};

static bool has_routes(const struct leaf *leaf) {
  for (int method = 0; method < ORR_METHOD_OTHER; method++)
    if (leaf->route[method] != NO_ROUTE) return true;
  return false;
}

/* `at` stands on the slash before a segment, or at the end. */
static const struct leaf *descend(struct walk *walk, const struct node *node, const char *at) {
  if (at == walk->end && has_routes(&node->here)) return &node->here;
  if (at < walk->end) {
    const char *segment = at + 1, *slash = memchr(segment, '/', (size_t)(walk->end - segment));
    const char *after = slash ? slash : walk->end;
    size_t size = (size_t)(after - segment);
    const struct node *child = find_word(node, segment, size);
    const struct leaf *leaf = child ? descend(walk, child, after) : NULL;
    if (leaf) return leaf;
    if (node->capture && size > 0) {
      walk->raw[walk->count++] = (struct orr_slice){segment, size};
      leaf = descend(walk, node->capture, after);
      if (leaf) return leaf;
      walk->count--;
    }
  }
  if (!has_routes(&node->tail)) return NULL;
  const char *rest = at < walk->end ? at + 1 : at;
  walk->raw[walk->count++] = (struct orr_slice){rest, (size_t)(walk->end - rest)};
  return &node->tail;
}

static unsigned allowed_of(const struct leaf *leaf) {
  unsigned allowed = 0;
  for (int method = 0; method < ORR_METHOD_OTHER; method++)
    if (leaf->route[method] != NO_ROUTE) allowed |= 1u << method;
  if (allowed & 1u << ORR_GET) allowed |= 1u << ORR_HEAD;
  return allowed;
}

int orr_router_match(const struct orr_router *router, enum orr_method method, struct orr_slice path,
                     struct orr_arena *arena, struct orr_route_match *match, struct orr_err *err) {
  *match = (struct orr_route_match){.route = NO_PATH};
  if (path.size == 0 || *path.text != '/') return 0;
  struct walk walk = {.end = path.text + path.size};
  const struct leaf *leaf = descend(&walk, &router->root, path.text);
  if (!leaf) return 0;
  match->allowed = allowed_of(leaf);
  match->route = method < ORR_METHOD_OTHER ? leaf->route[method] : NO_ROUTE;
  if (match->route == NO_ROUTE && method == ORR_HEAD) match->route = leaf->route[ORR_GET];
  if (match->route == NO_ROUTE) {
    match->route = OTHER_METHOD;
    return 0;
  }
  for (int i = 0; i < walk.count; i++) {
    int code = orr_percent_decode(walk.raw[i], false, arena, &match->captures[i], err);
    if (code) return code;
  }
  match->capture_count = walk.count;
  return 0;
}
