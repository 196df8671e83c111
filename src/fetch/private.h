/* Requests on a loop from the inside: what curl is asked for (fetch.c), and what it waits for meanwhile (watch.c). */
#pragma once
#include <curl/curl.h>

#include "fetch/fetch.h"
#include "fetch/networks.h"
#include "loop/poll.h"

struct exchange;

struct orr_fetch {
  struct orr_loop *loop;
  CURLM *multi;
  struct orr_networks *networks;
  char *ca_file;
  struct orr_timer *timer;
  struct orr_chore reap; /* due when exchanges may have ended */
  struct exchange *exchanges;
  struct orr_watched *watched; /* descriptors that curl waits for */
};

/* watch.c. Tells curl of what it waits for, and makes `reap` due. */
void orr_fetch_watch(struct orr_fetch *fetch);
void orr_fetch_unwatch(struct orr_fetch *fetch); /* when there is no curl any more */
