/* Waiting for the store to change. The writer's thread says that something was committed; each loop that
   cares hears it as one message, however many commits there were, and resumes the tasks that wait. */
#pragma once
#include "loop/loop.h"

struct orr_changes;

struct orr_changes *orr_changes_create(struct orr_loop *loop);
void orr_changes_destroy(struct orr_changes *changes); /* after the store and the loop, which call it */
void orr_changes_announce(void *changes);              /* any thread */
/* On the loop: the server is ending. Wakes all waiting tasks, which then see so. */
void orr_changes_end(struct orr_changes *changes);
