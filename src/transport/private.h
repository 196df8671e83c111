/* What the files of this room share. Nobody outside includes it. */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "transport/passage.h"

struct orr_master;

struct orr_transport {
  atomic_int holders;
  struct orr_transports *all;
  struct orr_transport_settings settings; /* its texts are its own */
  struct orr_message over;                /* sent to the keeper by the last holder */
};

/* --- transports.c: the keeper, a thread with a loop, started with the first transport that needs it --- */

struct orr_loop *orr_transports_loop(struct orr_transports *all);
const char *orr_transports_folder(const struct orr_transports *all);
const struct orr_log *orr_transports_log(const struct orr_transports *all);
/* Posts to the keeper. False: it is ending, and would not answer. */
bool orr_transports_tell(struct orr_transports *all, struct orr_message *message);
/* The file that connections hold as long as they live. */
const char *orr_transports_held(const struct orr_transports *all);
/* For the name of a socket that no other connection has. */
int orr_transports_number(struct orr_transports *all);
struct orr_master **orr_transports_masters(struct orr_transports *all);
/* Any thread: the keeper runs from now on. */
bool orr_transports_keep(struct orr_transports *all, struct orr_err *err);

/* --- passage.c --- */

void orr_passage_send_home(struct orr_passage *passage);
void orr_passage_destroy(struct orr_passage *passage);

/* --- master.c: an ssh connection; on the keeper --- */

/* Grants the passage when a channel is free, or sends it home with what went wrong. */
void orr_master_ask(struct orr_passage *passage);
/* It is not waited for any more: if it is not granted, it is sent home. */
void orr_master_withdraw(struct orr_passage *passage);
void orr_master_leave(struct orr_passage *passage);
/* Ends those of a transport, or all. */
void orr_masters_end(struct orr_transports *all, const struct orr_transport *transport);

/* --- command.c: how programs are called --- */

/* An ssh that connects, says "up" when others may use its connection, and stays. In the arena, as all here. */
char **orr_command_of_master(const struct orr_transport_settings *settings, const char *account,
                             const char *socket, struct orr_arena *arena);
/* A shell that reads its script from its standard input, at the far end, as the account. */
char **orr_command_of_shell(const struct orr_transport_settings *settings, const char *account,
                            const char *socket, struct orr_arena *arena);
