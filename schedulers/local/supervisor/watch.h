/* What the supervisor's loop waits for: a file descriptor and what to do when it is ready. It lies inside the
   struct that owns the descriptor, which may be freed by its own `ready`, but not by another's. */
#pragma once
#include <stdint.h>
#include <sys/epoll.h>

struct orr_supervisor;

struct orr_source {
  void (*ready)(struct orr_supervisor *s, struct orr_source *source, uint32_t events);
};

static inline void orr_watch(int epoll, int fd, uint32_t events, struct orr_source *source) {
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = events, .data.ptr = source});
}

static inline void orr_watch_for(int epoll, int fd, uint32_t events, struct orr_source *source) {
  epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &(struct epoll_event){.events = events, .data.ptr = source});
}

/* Before the descriptor is closed: a child that is just executing its program has a copy of it, which would
   keep it watched. */
static inline void orr_unwatch(int epoll, int fd) { epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }
