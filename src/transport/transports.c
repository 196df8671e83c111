/* All transports of a server: which resource has which, and the keeper, a thread that is started with the first
   connection that is wanted. */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/hold.h"
#include "transport/private.h"

enum { MOST_TRIES = 200, TRY_US = 10000 };

struct published {
  char *resource;
  struct orr_transport *transport;
  struct published *next;
};

struct orr_transports {
  char *folder, *held;
  const struct orr_log *log;
  pthread_mutex_t lock; /* guards what is published, and the start and the end of the keeper */
  struct published *published;
  struct orr_loop *keeper;
  pthread_t thread;
  struct orr_message end;
  bool stopping;
  struct orr_master *masters; /* the keeper's, as all below */
  int number;
};

const struct orr_log *orr_transports_log(const struct orr_transports *all) { return all->log; }
const char *orr_transports_folder(const struct orr_transports *all) { return all->folder; }
struct orr_loop *orr_transports_loop(struct orr_transports *all) {
  return all->keeper;
}
const char *orr_transports_held(const struct orr_transports *all) { return all->held; }
int orr_transports_number(struct orr_transports *all) { return ++all->number; }
struct orr_master **orr_transports_masters(struct orr_transports *all) {
  return &all->masters;
}

/* --- the keeper --- */

static void *keep(void *data) {
  struct orr_transports *all = data;
  pthread_setname_np(pthread_self(), "transports");
  orr_loop_run(all->keeper);
  return NULL;
}

/* Connections of a server that was killed. Their programs hold a file as their standard input, the one descriptor that ssh
   does not close when it begins. */
static void end_left_over(struct orr_transports *all) {
  DIR *folder = opendir(all->folder);
  struct dirent *entry;
  int number;
  for (int tries = 0; !orr_hold_free(all->held) && tries < MOST_TRIES; tries++) usleep(TRY_US);
  while (folder && (entry = readdir(folder)))
    if (sscanf(entry->d_name, "c%d", &number) == 1) unlinkat(dirfd(folder), entry->d_name, 0);
  if (folder) closedir(folder);
}

static bool start_keeper(struct orr_transports *all, struct orr_err *err) {
  if (all->keeper) return true;
  if (orr_file_folders(all->folder, 0700, err)) return false;
  end_left_over(all);
  all->keeper = orr_loop_create(err);
  if (!all->keeper) return false;
  if (pthread_create(&all->thread, NULL, keep, all) == 0) return true;
  orr_loop_destroy(all->keeper);
  all->keeper = NULL;
  orr_fail(err, ORR_IO, "cannot start the thread that keeps ssh connections");
  return false;
}

static void end(struct orr_message *message) {
  struct orr_transports *all =
      (struct orr_transports *)((char *)message - offsetof(struct orr_transports, end));
  orr_masters_end(all, NULL);
  orr_loop_stop(all->keeper);
}

bool orr_transports_tell(struct orr_transports *all, struct orr_message *message) {
  pthread_mutex_lock(&all->lock);
  bool told = !all->stopping;
  if (told) orr_loop_post(all->keeper, message);
  pthread_mutex_unlock(&all->lock);
  return told;
}

bool orr_transports_keep(struct orr_transports *all, struct orr_err *err) {
  pthread_mutex_lock(&all->lock);
  bool kept = start_keeper(all, err);
  pthread_mutex_unlock(&all->lock);
  return kept;
}

/* --- what is published --- */

static struct published **place_of(struct orr_transports *all, const char *resource) {
  struct published **at = &all->published;
  while (*at && strcmp((*at)->resource, resource) != 0) at = &(*at)->next;
  return at;
}

static void withdraw(struct published **at) {
  struct published *gone = *at;
  if (!gone) return;
  *at = gone->next;
  orr_transport_release(gone->transport);
  free(gone->resource);
  free(gone);
}

void orr_transports_publish(struct orr_transports *all, const char *resource,
                            struct orr_transport *transport) {
  struct published *made = NULL;
  if (transport) {
    made = orr_zalloc(sizeof *made);
    *made = (struct published){orr_strdup(resource), orr_transport_hold(transport), NULL};
  }
  pthread_mutex_lock(&all->lock);
  withdraw(place_of(all, resource));
  if (made) made->next = all->published, all->published = made;
  pthread_mutex_unlock(&all->lock);
}

struct orr_transport *orr_transports_find(struct orr_transports *all, const char *resource) {
  pthread_mutex_lock(&all->lock);
  struct published *it = *place_of(all, resource);
  struct orr_transport *transport = it ? orr_transport_hold(it->transport) : NULL;
  pthread_mutex_unlock(&all->lock);
  return transport;
}

/* --- all of them --- */

static char *path_in(const char *folder, const char *name) {
  struct orr_buf path = {0};
  orr_buf_printf(&path, "%s/%s", folder, name);
  orr_buf_text(&path);
  return path.data;
}

struct orr_transports *orr_transports_create(const char *data, const struct orr_log *log) {
  struct orr_transports *all = orr_zalloc(sizeof *all);
  all->folder = path_in(data, "ssh");
  all->held = path_in(all->folder, "held");
  all->log = log;
  all->end.deliver = end;
  pthread_mutex_init(&all->lock, NULL);
  return all;
}

void orr_transports_stop(struct orr_transports *all) {
  if (!all || !all->keeper) return;
  pthread_mutex_lock(&all->lock);
  all->stopping = true;
  orr_loop_post(all->keeper, &all->end);
  pthread_mutex_unlock(&all->lock);
  pthread_join(all->thread, NULL);
}

void orr_transports_destroy(struct orr_transports *all) {
  if (!all) return;
  while (all->published) withdraw(&all->published);
  orr_loop_destroy(all->keeper);
  pthread_mutex_destroy(&all->lock);
  free(all->folder);
  free(all->held);
  free(all);
}
