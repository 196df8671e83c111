#include "app/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/problem.h"
#include "base/alloc.h"
#include "bind/stats.h"

struct orr_call_task {
  struct orr_call_task *next, **link;
  struct orr_calls *calls;
  struct orr_bus_request *request; /* NULL: it was broken off, and its task goes on for nothing */
};

static void tell_idle(struct orr_calls *calls) {
  void (*idle)(void *data) = calls->idle;
  calls->idle = NULL;
  if (idle) idle(calls->data);
}

static void remove_task(struct orr_call_task *it) {
  struct orr_calls *calls = it->calls;
  *it->link = it->next;
  if (it->next) it->next->link = it->link;
  free(it);
  if (!calls->first) tell_idle(calls);
}

static void fail(struct orr_bus_request *request, struct orr_worker *worker, lua_State *L,
                 enum orr_outcome outcome) {
  struct orr_failure failure = orr_failure_of(outcome);
  const char *id = request->id ? request->id : "";
  atomic_fetch_add(&worker->server->stats->handler_failures, 1);
  orr_log(&worker->server->log, ORR_LOG_ERROR, "handler failed", ORR_S("request", id),
          ORR_S("method", request->method), ORR_S("outcome", orr_outcome_name(outcome)),
          ORR_S("error", orr_task_trace(L)));
  request->status = failure.status;
  snprintf(request->content_type, sizeof request->content_type, "application/problem+json");
  orr_put_problem(&request->answer, failure.status, failure.kind, failure.detail, id);
}

static void called(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct orr_call_task *it = data;
  struct orr_bus_request *request = it->request;
  if (!request) {
    remove_task(it);
    return;
  }
  if (outcome != ORR_TASK_DONE) {
    fail(request, it->calls->worker, L, outcome);
  } else {
    size_t size = 0;
    lua_pop(L, results > 3 ? results - 3 : 0);
    const char *type = lua_tostring(L, -3), *body = lua_tolstring(L, -2, &size);
    request->status = (int)lua_tointeger(L, -1);
    snprintf(request->content_type, sizeof request->content_type, "%s", type ? type : "application/json");
    orr_buf_put(&request->answer, body ? body : "", size);
  }
  orr_bus_answer(request);
  remove_task(it);
}

static void push_text(lua_State *L, const char *text) {
  if (text)
    lua_pushstring(L, text);
  else
    lua_pushnil(L);
}

static void arrived(struct orr_message *message) {
  struct orr_bus_request *request = (struct orr_bus_request *)message;
  struct orr_calls *calls = request->user;
  if (!calls->open) {
    orr_bus_request_drop(request);
    return;
  }
  struct orr_call_task *it = orr_alloc(sizeof *it);
  *it = (struct orr_call_task){calls->first, &calls->first, calls, request};
  if (it->next) it->next->link = &it->next;
  calls->first = it;
  struct orr_task *task = orr_task_create(calls->worker->script, called, it);
  lua_State *L = orr_task_state(task);
  lua_rawgeti(L, LUA_REGISTRYINDEX, calls->function);
  push_text(L, request->method);
  if (request->body.size < request->size)
    lua_pushnil(L); /* it was too large */
  else
    lua_pushlstring(L, request->size ? request->body.data : "", request->size);
  push_text(L, request->id);
  lua_pushboolean(L, request->again);
  orr_task_run(task, 4);
}

void orr_calls_begin(struct orr_calls *calls, struct orr_worker *worker) {
  calls->worker = worker;
  calls->function = luaL_ref(orr_script_state(worker->script), LUA_REGISTRYINDEX);
  calls->open = true;
  orr_bus_serve(worker->server->bus, worker->loop, arrived, calls);
}

void orr_calls_drain(struct orr_calls *calls, void (*idle)(void *data), void *data) {
  if (!calls->first) {
    idle(data);
    return;
  }
  calls->idle = idle;
  calls->data = data;
}

void orr_calls_break(struct orr_calls *calls) {
  for (struct orr_call_task *it = calls->first; it; it = it->next) {
    if (it->request) orr_bus_request_drop(it->request);
    it->request = NULL;
  }
  tell_idle(calls);
}

void orr_calls_end(struct orr_calls *calls) {
  calls->open = false;
  calls->idle = NULL;
  orr_calls_break(calls);
  while (calls->first) remove_task(calls->first); /* no task goes on from here */
}
