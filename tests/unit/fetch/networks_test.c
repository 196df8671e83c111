/* Which addresses are open to requests: the registries' special ones are not, in whatever clothes they come. */
#include "fetch/networks.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool is_open(const struct orr_networks *networks, const char *text) {
  struct sockaddr_in ipv4 = {.sin_family = AF_INET};
  struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
  bool open;
  if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1) {
    open = orr_networks_open(networks, (struct sockaddr *)&ipv4);
  } else {
    assert_int_equal(inet_pton(AF_INET6, text, &ipv6.sin6_addr), 1);
    open = orr_networks_open(networks, (struct sockaddr *)&ipv6);
  }
  assert_int_equal(open, orr_networks_open_host(networks, text));
  return open;
}

static struct orr_networks *parse(const char *text) {
  struct orr_networks *networks;
  struct orr_err err;
  assert_int_equal(orr_networks_parse(text, &networks, &err), ORR_OK);
  return networks;
}

static void the_public_is_open(void **state) {
  (void)state;
  static const char *const open[] = {
      "1.1.1.1",         "8.8.8.8",         "9.255.255.255",   "11.0.0.0",       "100.63.255.255",
      "100.128.0.0",     "126.255.255.255", "128.0.0.0",       "172.15.255.255", "172.32.0.0",
      "192.167.255.255", "223.255.255.255", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"};
  struct orr_networks *none = parse(NULL);
  for (size_t i = 0; i < sizeof open / sizeof *open; i++)
    if (!is_open(none, open[i])) fail_msg("%s is closed", open[i]);
  orr_networks_destroy(none);
}

static void our_own_doors_are_closed(void **state) {
  (void)state;
  static const char *const closed[] = {"0.0.0.0",
                                       "0.255.255.255",
                                       "10.0.0.0",
                                       "10.255.255.255",
                                       "100.64.0.0",
                                       "100.127.255.255",
                                       "127.0.0.1",
                                       "127.255.255.255",
                                       "169.254.0.0",
                                       "169.254.169.254",
                                       "172.16.0.0",
                                       "172.31.255.255",
                                       "192.0.0.1",
                                       "192.168.0.0",
                                       "192.168.255.255",
                                       "198.18.0.1",
                                       "224.0.0.1",
                                       "239.255.255.255",
                                       "240.0.0.1",
                                       "255.255.255.255",
                                       "::",
                                       "::1",
                                       "::127.0.0.1",
                                       "::ffff:127.0.0.1",
                                       "::ffff:10.0.0.1",
                                       "64:ff9b::127.0.0.1",
                                       "64:ff9b:1::1",
                                       "fe80::1",
                                       "febf::1",
                                       "fec0::1",
                                       "fc00::1",
                                       "fdff::1",
                                       "ff02::1",
                                       "2001::1",
                                       "2001:db8::1",
                                       "2002:7f00:1::",
                                       "100::1",
                                       "4000::1"};
  struct orr_networks *none = parse("");
  for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
    if (is_open(none, closed[i])) fail_msg("%s is open", closed[i]);
  assert_false(orr_networks_open_host(none, "[::1]"));
  assert_false(orr_networks_open_host(none, "[fe80::1%eth0]"));
  assert_true(orr_networks_open_host(none, "localhost")); /* a name is looked at when it is connected to */
  orr_networks_destroy(none);
}

static void a_site_may_open_them(void **state) {
  (void)state;
  struct orr_networks *some = parse("127.0.0.0/8,10.1.0.0/16  fd00::/8\n192.168.7.7");
  static const char *const open[] = {"127.0.0.1",    "::ffff:127.9.9.9", "64:ff9b::127.0.0.1",
                                     "10.1.255.255", "fdab::1",          "192.168.7.7",
                                     "8.8.8.8"};
  static const char *const closed[] = {"10.2.0.0", "fc00::1", "192.168.7.6", "::1"};
  for (size_t i = 0; i < sizeof open / sizeof *open; i++)
    if (!is_open(some, open[i])) fail_msg("%s is closed", open[i]);
  for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
    if (is_open(some, closed[i])) fail_msg("%s is open", closed[i]);
  orr_networks_destroy(some);
  some = parse("0.0.0.0/0");
  assert_true(is_open(some, "127.0.0.1"));
  assert_false(is_open(some, "::1")); /* all of IPv4 is not all */
  orr_networks_destroy(some);
  some = parse("::/0");
  assert_true(is_open(some, "::1"));
  assert_true(is_open(some, "127.0.0.1"));
  orr_networks_destroy(some);
}

static void what_is_no_network_is_named(void **state) {
  (void)state;
  static const char *const wrong[] = {"10.0.0.0/33", "10.0.0/8",    "fd00::/129", "10.0.0.0/",  "10.0.0.0/-1",
                                      "localhost",   "10.0.0.0/8x", "1.2.3.4.5",  "10.0.0.0/ 8"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct orr_networks *networks;
    struct orr_err err;
    char text[128];
    snprintf(text, sizeof text, "10.0.0.0/8, %s", wrong[i]);
    if (orr_networks_parse(text, &networks, &err) != ORR_INVALID) fail_msg("%s is taken", wrong[i]);
    assert_non_null(strstr(err.text, "is no network such as 10.1.0.0/16"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_public_is_open),
      cmocka_unit_test(our_own_doors_are_closed),
      cmocka_unit_test(a_site_may_open_them),
      cmocka_unit_test(what_is_no_network_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
