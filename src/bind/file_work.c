#include "bind/file_work.h"

#include <stdlib.h>

#include "base/alloc.h"

static void work_destroy(struct orr_file_work *work) {
  for (size_t i = 0; i < work->count; i++) {
    if (work->places) free((char *)work->places[i].base), free((char *)work->places[i].own);
    if (work->paths) free(work->paths[i]);
    if (work->texts) orr_buf_free(&work->texts[i]);
  }
  for (size_t i = 0; i < work->entry_count; i++) free(work->entries[i].path);
  free(work->places);
  free(work->paths);
  free(work->texts);
  free(work->got);
  free(work->entries);
  free(work->path);
  orr_buf_free(&work->bytes);
  orr_file_arrival_release(work->arrival);
  free(work);
}

static void came_home(struct orr_message *message) {
  struct orr_file_work *work = (struct orr_file_work *)message;
  orr_timer_stop(work->timer);
  lua_State *L = work->late ? NULL : orr_ticket_state(work->ticket);
  if (L) {
    struct orr_ticket ticket = work->ticket;
    int results = work->err.code ? orr_push_failure(L, &work->err) : work->push(L, work);
    work_destroy(work);
    orr_ticket_resume(ticket, results);
    return;
  }
  work_destroy(work);
}

static void too_late(void *data) {
  struct orr_file_work *work = data;
  lua_State *L = orr_ticket_state(work->ticket);
  orr_timer_stop(work->timer);
  work->timer = NULL;
  work->late = true; /* the work stays with its thread and is freed when it comes home, if it ever does */
  if (!L) return;
  struct orr_err err;
  orr_fail(&err, ORR_TIMEOUT, "the file system did not answer in time");
  orr_ticket_resume(work->ticket, orr_push_failure(L, &err));
}

struct orr_file_work *orr_file_work_create(void (*run)(struct orr_work *base),
                                           int (*push)(lua_State *L, struct orr_file_work *work)) {
  struct orr_file_work *work = orr_zalloc(sizeof *work);
  work->work.run = run;
  work->work.message.deliver = came_home;
  work->push = push;
  return work;
}

int orr_file_work_send(lua_State *L, struct orr_file_work *work, const char *lane, lua_Integer ms) {
  struct orr_house *house = orr_house_of(L);
  struct orr_err err;
  work->work.home = house->loop;
  work->timer = orr_timer_start(house->loop, ms, 0, too_late, work);
  if (orr_lanes_submit(house->lanes, lane, &work->work, &err)) {
    orr_timer_stop(work->timer);
    work_destroy(work);
    return orr_push_failure(L, &err);
  }
  work->ticket = orr_task_wait(L); /* its answer is a message, so it cannot be here yet */
  return lua_yield(L, 0);
}
