/* A request as a Lua handler sees it: a box that is emptied when the answer is out. See request.c. */
#pragma once
#include "bind/house.h"

struct orr_request_box;

/* Pushes a box for the request. */
struct orr_request_box *orr_push_request(lua_State *L, struct orr_request *request);
/* The handler's task has ended. Empties the box; a streamed answer that was begun is ended (broken off when
   `failed`), unless it was taken, and then true is returned: nothing is left to answer. */
bool orr_request_box_close(struct orr_request_box *box, bool failed);
/* More of a body that is read as it comes has come. */
void orr_request_box_readable(struct orr_request_box *box);
/* A streamed answer may go on. */
void orr_request_box_proceed(struct orr_request_box *box);
void orr_request_box_aborted(struct orr_request_box *box);
/* Empties the box at index 1: whoever takes its streamed answer, which was begun, goes on with that and ends it. */
struct orr_request *orr_request_box_take(lua_State *L);
