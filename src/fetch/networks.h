/* Addresses that requests made for users may go to. The public Internet is open to them; what lies behind this machine's
   own doors (loopback, link-local, private and unique-local ranges, carriers' shared ones, multicast and whatever is
   reserved) is not, but for the networks that the site allows. */
#pragma once
#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

struct orr_networks;

/* "10.1.0.0/16, ::1/128": networks, separated by commas or blanks; "" or NULL: none. ORR_INVALID names the one that is
   wrong. */
int orr_networks_parse(const char *text, struct orr_networks **networks, struct orr_err *err);
void orr_networks_destroy(struct orr_networks *networks); /* NULL is legal */

/* Whether requests may go to an address. An IPv4 address in an IPv6 one's clothes counts as what it is. */
bool orr_networks_open(const struct orr_networks *networks, const struct sockaddr *address);
/* The same of a host that is written as an address; any other host is found out about when it is connected to. */
bool orr_networks_open_host(const struct orr_networks *networks, const char *host);
