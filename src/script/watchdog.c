#include "script/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "script/private.h"

enum { TICK_MS = 50, SIGNAL = SIGURG }; /* SIGURG: nobody else uses it, and a stray one does nothing */

struct orr_watchdog {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t ended;
  bool ending;
  struct orr_script *watched;
};

/* The script of this thread, for the signal handler, which is told nothing else. */
static _Thread_local struct orr_script *mine;

static bool over(const struct orr_script *script) {
  int64_t began = atomic_load_explicit(&script->slice_began_ns, memory_order_relaxed);
  return began && orr_clock_ns() - began > script->slice_ns;
}

static void throw_out(lua_State *L, lua_Debug *at) {
  (void)at;
  luaL_error(L, "ran longer than %d ms without waiting", (int)(orr_script_of(L)->slice_ns / 1000000));
}

/* lua_sethook may be called from a signal handler; it is what the stand-alone interpreter does on Ctrl-C. */
static void interrupted(int number) {
  (void)number;
  struct orr_script *script = mine;
  if (!script || !script->current || !over(script)) return;
  script->overtime = 1;
  lua_sethook(script->current, throw_out, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

lua_State *orr_slice_begin(struct orr_script *script, lua_State *L) {
  lua_State *outer = script->current;
  script->current = L;
  if (!outer) {
    script->overtime = 0;
    atomic_store_explicit(&script->slice_began_ns, orr_clock_ns(), memory_order_relaxed);
  }
  return outer;
}

void orr_slice_end(struct orr_script *script, lua_State *outer) {
  if (!outer) atomic_store_explicit(&script->slice_began_ns, 0, memory_order_relaxed);
  script->current = outer;
}

static void *watch(void *data) {
  struct orr_watchdog *dog = data;
  pthread_setname_np(pthread_self(), "watchdog");
  pthread_mutex_lock(&dog->lock);
  while (!dog->ending) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    if (pthread_cond_timedwait(&dog->ended, &dog->lock, &until) != ETIMEDOUT) continue;
    for (struct orr_script *script = dog->watched; script; script = script->next_watched)
      if (over(script)) pthread_kill(script->thread, SIGNAL);
  }
  pthread_mutex_unlock(&dog->lock);
  return NULL;
}

struct orr_watchdog *orr_watchdog_start(struct orr_err *err) {
  struct orr_watchdog *dog = orr_zalloc(sizeof *dog);
  pthread_mutex_init(&dog->lock, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&dog->ended, &attributes);
  pthread_condattr_destroy(&attributes);
  struct sigaction action = {.sa_handler = interrupted, .sa_flags = SA_RESTART};
  sigaction(SIGNAL, &action, NULL);
  int code = pthread_create(&dog->thread, NULL, watch, dog);
  if (code == 0) return dog;
  free(dog);
  orr_fail(err, ORR_IO, "cannot start the watchdog thread: %s", strerror(code));
  return NULL;
}

void orr_watchdog_stop(struct orr_watchdog *dog) {
  if (!dog) return;
  pthread_mutex_lock(&dog->lock);
  dog->ending = true;
  pthread_cond_signal(&dog->ended);
  pthread_mutex_unlock(&dog->lock);
  pthread_join(dog->thread, NULL);
  pthread_cond_destroy(&dog->ended);
  pthread_mutex_destroy(&dog->lock);
  free(dog);
}

void orr_watchdog_add(struct orr_watchdog *dog, struct orr_script *script) {
  if (!dog) return;
  script->thread = pthread_self();
  mine = script;
  pthread_mutex_lock(&dog->lock);
  script->next_watched = dog->watched;
  dog->watched = script;
  pthread_mutex_unlock(&dog->lock);
}

void orr_watchdog_remove(struct orr_watchdog *dog, struct orr_script *script) {
  if (!dog) return;
  pthread_mutex_lock(&dog->lock);
  struct orr_script **at = &dog->watched;
  while (*at != script) at = &(*at)->next_watched;
  *at = script->next_watched;
  pthread_mutex_unlock(&dog->lock);
  mine = NULL;
}
