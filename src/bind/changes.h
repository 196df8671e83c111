/* Waiting for the store to change. The writer's thread says what its commits concerned; each loop that cares hears it as
   one message, however many commits there were, and resumes the tasks that wait for one of these keys. */
#pragma once
#include "base/key_set.h"
#include "loop/loop.h"

struct orr_changes;

struct orr_changes *orr_changes_create(struct orr_loop *loop);
void orr_changes_destroy(struct orr_changes *changes); /* after the store and the loop, which call it */
/* Any thread: the store has changed. A function for orr_store_subscribe. */
void orr_changes_announce(void *changes, const struct orr_key_set *keys);
/* Any thread: all who wait look up, though nothing has changed. */
void orr_changes_stir(struct orr_changes *changes);
/* On the loop: the server is ending. Wakes all waiting tasks, which then see so. */
void orr_changes_end(struct orr_changes *changes);
