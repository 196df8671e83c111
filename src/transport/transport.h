/* How commands and files reach the machine where a resource's jobs run, as the account that they belong to: as they are,
   through sudo, or over ssh. A transport belongs to a resource; it has one ssh connection (a master of OpenSSH's) for each
   account that logs in, which all threads share, kept by a thread of its own. */
#pragma once
#include <stdbool.h>

#include "base/log.h"
#include "loop/loop.h"

enum orr_run_as {
  ORR_AS_SERVICE, /* everything as one account: the server's user, or who the ssh login is */
  ORR_AS_SUDO,    /* sudo, where commands run: here, or at the far end of the service's own ssh login */
  ORR_AS_LOGIN,   /* an ssh login of each account */
};

struct orr_transport_settings {
  enum orr_run_as run_as;
  const char *ssh_host;   /* NULL: no ssh */
  const char *ssh_user;   /* of the service; NULL: as ssh is configured */
  const char *ssh_config; /* NULL: the user's and the system's */
  int ssh_port;           /* 0: as ssh is configured */
  int channels;           /* at once over one connection, files included */
  int file_channels;      /* of them at most for files, and never for commands */
  int connect_ms, idle_ms;
  bool login;               /* commands run in a login shell */
  char *const *environment; /* NAME=value: what the scheduler's commands get; NULL: nothing */
};

struct orr_transports;
/* Connections have their sockets in a folder of the data directory. What a server that was killed left there is ended. */
struct orr_transports *orr_transports_create(const char *data, const struct orr_log *log);
/* Ends all connections; whoever waits for one is told, and nobody gets one any more. NULL is legal. */
void orr_transports_stop(struct orr_transports *transports);
void orr_transports_destroy(
    struct orr_transports *transports); /* after those loops have ended; NULL is legal */

struct orr_transport;
/* Counted: every hold needs a release. With the last one its connections end. */
struct orr_transport *orr_transport_create(struct orr_transports *transports,
                                           const struct orr_transport_settings *settings,
                                           struct orr_err *err);
struct orr_transport *orr_transport_hold(struct orr_transport *transport);
void orr_transport_release(struct orr_transport *transport); /* any thread; NULL is legal */

/* The transport of a resource by its name, for those who look after its files. Any thread. */
void orr_transports_publish(struct orr_transports *transports, const char *resource,
                            struct orr_transport *transport); /* NULL: it has none any more */
struct orr_transport *orr_transports_find(struct orr_transports *transports,
                                          const char *resource); /* held | NULL */

char *const *orr_transport_environment(const struct orr_transport *transport); /* as in the settings */
/* Whether it leads to another machine; whether accounts are told apart. */
bool orr_transport_is_far(const struct orr_transport *transport);
bool orr_transport_has_accounts(const struct orr_transport *transport);
/* Whether what is done for an account (NULL: the service's own) is done here and as ourselves. */
bool orr_transport_is_here(const struct orr_transport *transport, const char *account);
/* A name that can be an argument of sudo and ssh and nothing else, and is not root's. */
bool orr_is_account(const char *text);
