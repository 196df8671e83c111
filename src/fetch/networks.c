#include "fetch/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Every address is looked at as an IPv6 one, IPv4 in its mapped form, so that there is one comparison. */
struct network {
  unsigned char bytes[16];
  int bits;
};

struct orr_networks {
  size_t count;
  struct network list[];
};

enum { MAPPED_BITS = 96, LONGEST = 64 };

/* What IANA's registries of special-purpose addresses keep from the public. */
static const char *const closed[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "2001::/23",     "2001:db8::/32",   "2002::/16",      "3fff::/20",
};
/* Of IPv6 nothing is public but these: global unicast, IPv4 (see above), and IPv4 behind a translator. */
static const char *const known[] = {"2000::/3", "::ffff:0:0/96", "64:ff9b::/96"};

static void map(const unsigned char ipv4[4], unsigned char out[16]) {
  memset(out, 0, 10);
  out[10] = out[11] = 0xff;
  memcpy(out + 12, ipv4, 4);
}

/* An address as a text → its bytes, and how many of its bits come before those that the text may speak of. */
static bool read_address(const char *text, unsigned char out[16], int *before) {
  unsigned char ipv4[4];
  *before = 0;
  if (inet_pton(AF_INET6, text, out) == 1) return true;
  if (inet_pton(AF_INET, text, ipv4) != 1) return false;
  map(ipv4, out);
  *before = MAPPED_BITS;
  return true;
}

static bool read_network(const char *text, size_t size, struct network *network) {
  char copy[LONGEST], *end;
  int before;
  if (size >= sizeof copy) return false;
  memcpy(copy, text, size);
  copy[size] = 0;
  char *slash = strchr(copy, '/');
  if (slash) *slash = 0;
  if (!read_address(copy, network->bytes, &before)) return false;
  long bits = slash ? strtol(slash + 1, &end, 10) : 128 - before;
  if (slash && (slash[1] < '0' || slash[1] > '9' || *end)) return false;
  network->bits = before + (int)bits;
  return bits >= 0 && bits <= 128 - before;
}

static bool is_in(const struct network *network, const unsigned char bytes[16]) {
  int whole = network->bits / 8, rest = network->bits % 8;
  if (memcmp(network->bytes, bytes, (size_t)whole) != 0) return false;
  return rest == 0 || (network->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

static bool is_in_any(const char *const *texts, size_t count, const unsigned char bytes[16]) {
  for (size_t i = 0; i < count; i++) {
    struct network network;
    if (read_network(texts[i], strlen(texts[i]), &network) && is_in(&network, bytes)) return true;
  }
  return false;
}

int orr_networks_parse(const char *text, struct orr_networks **networks, struct orr_err *err) {
  static const char between[] = ", \t\n";
  size_t most = text ? strlen(text) / 2 + 1 : 0;
  *networks = orr_zalloc(sizeof **networks + most * sizeof(struct network));
  for (const char *at = text ? text : ""; *(at += strspn(at, between)); at += strcspn(at, between)) {
    size_t size = strcspn(at, between);
    if (!read_network(at, size, &(*networks)->list[(*networks)->count++])) {
      orr_networks_destroy(*networks);
      *networks = NULL;
      return orr_fail(err, ORR_INVALID, "%.*s is no network such as 10.1.0.0/16 or fd00::/8",
                      size < LONGEST ? (int)size : LONGEST, at);
    }
  }
  return ORR_OK;
}

void orr_networks_destroy(struct orr_networks *networks) { free(networks); }

static bool is_open(const struct orr_networks *networks, const unsigned char bytes[16]) {
  unsigned char seen[16];
  struct network translated;
  memcpy(seen, bytes, sizeof seen);
  if (read_network(known[2], strlen(known[2]), &translated) && is_in(&translated, bytes))
    map(bytes + 12, seen);
  for (size_t i = 0; i < networks->count; i++)
    if (is_in(&networks->list[i], bytes) || is_in(&networks->list[i], seen)) return true;
  return is_in_any(known, sizeof known / sizeof *known, seen) &&
         !is_in_any(closed, sizeof closed / sizeof *closed, seen);
}

bool orr_networks_open(const struct orr_networks *networks, const struct sockaddr *address) {
  unsigned char bytes[16];
  if (address->sa_family == AF_INET6)
    return is_open(networks, ((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);
  if (address->sa_family != AF_INET) return false;
  uint32_t ipv4 = ((const struct sockaddr_in *)address)->sin_addr.s_addr;
  map((const unsigned char *)&ipv4, bytes);
  return is_open(networks, bytes);
}

bool orr_networks_open_host(const struct orr_networks *networks, const char *host) {
  unsigned char bytes[16];
  char bare[LONGEST];
  int before;
  size_t size = strlen(host);
  if (host[0] == '[' && size > 2 && size < sizeof bare) { /* [::1], as in a URL, or with a zone */
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(host + 1, "]%"), host + 1);
    host = bare;
  }
  return !read_address(host, bytes, &before) || is_open(networks, bytes);
}
