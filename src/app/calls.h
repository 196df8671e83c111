/* Calls that come over the bus, as the bus worker carries them out: each becomes a task that calls the Lua function
   `call(method, body, message_id, again)` → content type, body, status (lua/orrery/api/rpc.lua). */
#pragma once
#include "app/worker.h"

struct orr_call_task;

struct orr_calls {
  struct orr_worker *worker;
  int function; /* reference to the Lua function */
  bool open;
  struct orr_call_task *first; /* under way */
  void (*idle)(void *data);    /* who waits until none is; NULL: nobody */
  void *data;
};

/* The function is on the top of the state's stack, and is taken off. From now on calls come. */
void orr_calls_begin(struct orr_calls *calls, struct orr_worker *worker);
void orr_calls_drain(struct orr_calls *calls, void (*idle)(void *data), void *data);
/* What is under way is left to another server, and whoever drains is told. */
void orr_calls_break(struct orr_calls *calls);
/* The same before the state closes, when nobody drains any more. */
void orr_calls_end(struct orr_calls *calls);
