/* URLs that users may name. */
#include <string.h>

#include "fetch/private.h"

/* Names of hosts come decoded, so that these could be any bytes at all. */
static bool is_ascii(const char *text) {
  while (*text && !(*text & 0x80)) text++;
  return *text == 0;
}

static int check_url(CURLU *url, const struct orr_networks *networks, struct orr_buf *out,
                     struct orr_err *err) {
  char *scheme = NULL, *host = NULL, *whole = NULL;
  curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
  curl_url_get(url, CURLUPART_HOST, &host, 0);
  curl_url_get(url, CURLUPART_URL, &whole, 0);
  int code = ORR_OK;
  if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
    code = orr_fail(err, ORR_INVALID, "must be an address that begins with https:// or http://");
  else if (!host || !*host || !whole)
    code = orr_fail(err, ORR_INVALID, "must name a host");
  else if (!is_ascii(host))
    code = orr_fail(err, ORR_INVALID, "must name its host in ASCII, such as xn--bcher-kva.example");
  else if (!orr_networks_open_host(networks, host))
    code = orr_fail(err, ORR_INVALID,
                    "leads to %s, an address that no request may go to from here, unless "
                    "webhooks.allow in the configuration has it",
                    host);
  else
    orr_buf_puts(out, whole);
  curl_free(scheme);
  curl_free(host);
  curl_free(whole);
  return code;
}

int orr_fetch_url(const char *text, const char *allow, struct orr_buf *out, struct orr_err *err) {
  struct orr_networks *networks;
  int code = orr_networks_parse(allow, &networks, err);
  if (code != ORR_OK) return code;
  CURLU *url = curl_url();
  CURLUcode parsed = curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
  if (parsed == CURLUE_OK) {
    curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    code = check_url(url, networks, out, err);
  } else if (parsed == CURLUE_USER_NOT_ALLOWED) {
    code = orr_fail(err, ORR_INVALID, "must have no user or password in it");
  } else {
    code = orr_fail(err, ORR_INVALID, "must be an address such as https://example.org/hook");
  }
  curl_url_cleanup(url);
  orr_networks_destroy(networks);
  return code;
}
