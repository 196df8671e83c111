/* One ssh connection, on the keeper: a master of OpenSSH's, started when it is first wanted, which others use for as many commands at once
   as it carries. One that cannot be made, or breaks, is tried again after a pause that grows; who asks meanwhile hears at
   once why not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hold.h"
#include "loop/child.h"
#include "transport/private.h"

enum { FIRST_PAUSE_MS = 1000, LAST_PAUSE_MS = 60000, GRACE_MS = 2000, STEADY_MS = 30000, MOST_WORDS = 8192 };
enum { MOST_REFUSED = 4 };

struct orr_master {
  struct orr_transports *all;
  struct orr_transport *transport; /* NULL: it is not wanted any more */
  char *account;                   /* who logs in; NULL: the service */
  char socket[24];
  struct orr_child *child; /* NULL: there is no connection */
  bool up;
  struct orr_timer *timer; /* until it must be up, or until it has been idle for long */
  int limit, commands, files;
  int refused;                                      /* in a row, while it carried nothing else */
  struct orr_passage *waiting, **last, *with_files; /* with_files: granted, for files */
  int64_t up_since, used_at, well_at, retry_at;
  int pause_ms;
  struct orr_err why; /* there is none */
  struct orr_buf said;
  struct orr_master *next;
};

static const char *login_of(const struct orr_master *master) {
  if (master->account) return master->account;
  return master->transport->settings.ssh_user ? master->transport->settings.ssh_user : "";
}

static void tell(const struct orr_master *master, enum orr_log_level level, const char *what) {
  if (!master->transport) return;
  const struct orr_log *log = orr_transports_log(master->all);
  const char *host = master->transport->settings.ssh_host, *login = login_of(master);
  if (!*login) login = "(as ssh is configured)";
  if (master->why.code)
    orr_log(log, level, what, ORR_S("host", host), ORR_S("account", login), ORR_S("error", master->why.text));
  else
    orr_log(log, level, what, ORR_S("host", host), ORR_S("account", login));
}

/* --- who waits --- */

static void refuse(struct orr_passage *passage, const struct orr_err *why) {
  passage->err = *why;
  passage->master = NULL;
  orr_passage_send_home(passage);
}

static void refuse_all(struct orr_master *master) {
  while (master->waiting) {
    struct orr_passage *passage = master->waiting;
    master->waiting = passage->next;
    refuse(passage, &master->why);
  }
  master->last = &master->waiting;
}

static void take_out(struct orr_master *master, struct orr_passage **at) {
  struct orr_passage *passage = *at;
  *at = passage->next;
  if (master->last == &passage->next) master->last = at;
}

void orr_master_withdraw(struct orr_passage *passage) {
  struct orr_master *master = passage->master;
  struct orr_passage **at = master ? &master->waiting : NULL;
  struct orr_err why;
  while (at && *at && *at != passage) at = &(*at)->next;
  if (!at || !*at) return; /* it is on its way home, or there */
  take_out(master, at);
  orr_fail(&why, ORR_TIMEOUT, "no channel of the ssh connection to %s was free in time",
           master->transport->settings.ssh_host);
  refuse(passage, &why);
}

/* Where accounts share the connection, the last channel for files is for who has none: one whose home hangs would have all. */
static bool is_fair(const struct orr_master *master, const struct orr_passage *passage) {
  const struct orr_transport_settings *settings = &master->transport->settings;
  if (settings->run_as != ORR_AS_SUDO || master->files < settings->file_channels - 1) return true;
  for (const struct orr_passage *other = master->with_files; other; other = other->next)
    if (strcmp(other->account ? other->account : "", passage->account ? passage->account : "") == 0)
      return false;
  return true;
}

/* What is set aside for files is for files alone, unless the far end allows so little that nothing can be. */
static bool is_free(const struct orr_master *master, const struct orr_passage *passage) {
  int for_files = master->transport->settings.file_channels;
  if (master->commands + master->files >= master->limit) return false;
  if (master->limit <= for_files) return true;
  if (!passage->file) return master->commands < master->limit - for_files;
  return master->files < for_files && is_fair(master, passage);
}

static void grant(struct orr_master *master, struct orr_passage *passage) {
  passage->argv =
      orr_command_of_shell(&master->transport->settings, passage->account, master->socket, passage->arena);
  passage->directory = orr_transports_folder(master->all);
  passage->granted_at = orr_clock_ms();
  if (passage->file) {
    passage->next = master->with_files;
    master->with_files = passage;
  }
  *(passage->file ? &master->files : &master->commands) += 1;
  orr_passage_send_home(passage);
}

static void give_back(struct orr_master *master, struct orr_passage *passage) {
  *(passage->file ? &master->files : &master->commands) -= 1;
  for (struct orr_passage **at = &master->with_files; *at; at = &(*at)->next)
    if (*at == passage) {
      *at = passage->next;
      return;
    }
}

static void serve(struct orr_master *master) {
  struct orr_passage **at = &master->waiting;
  while (master->up && *at) {
    struct orr_passage *passage = *at;
    if (is_free(master, passage)) {
      take_out(master, at);
      grant(master, passage);
    } else {
      at = &passage->next;
    }
  }
}

/* --- the connection --- */

static void stop_timer(struct orr_master *master) {
  orr_timer_stop(master->timer);
  master->timer = NULL;
}

static void break_off(struct orr_master *master, enum orr_code code, const char *why) {
  if (!master->child) return;
  if (!master->why.code) orr_fail(&master->why, code, "%s", why);
  master->up = false;
  orr_child_kill(master->child);
}

static void idle(void *data) {
  struct orr_master *master = data;
  int64_t idle_ms = master->transport->settings.idle_ms, since = orr_clock_ms() - master->used_at;
  if (master->commands + master->files > 0) since = 0;
  if (since < idle_ms) {
    orr_timer_again(master->timer, idle_ms - since);
    return;
  }
  break_off(master, ORR_OK, "");
}

static void too_slow(void *data) {
  break_off(data, ORR_UNAVAILABLE, "it did not come about in time (ssh.connect_ms)");
}

static void said(void *data, const char *bytes, size_t size) {
  struct orr_master *master = data;
  if (master->said.size < MOST_WORDS) orr_buf_put(&master->said, bytes, size);
  if (master->up || master->why.code || !strstr(orr_buf_text(&master->said), "up\n")) return;
  master->up = true;
  master->up_since = master->used_at = orr_clock_ms();
  stop_timer(master);
  master->timer =
      orr_timer_start(orr_transports_loop(master->all), master->transport->settings.idle_ms, 0, idle, master);
  tell(master, ORR_LOG_INFO, "ssh connected");
  serve(master);
}

/* The last line of what ssh said that says something: the first ones may be banners. */
static void put_last_words(struct orr_buf *into, const struct orr_buf *err) {
  const char *text = err->data;
  size_t size = err->size;
  while (size && strchr("\r\n \t.", text[size - 1])) size--;
  size_t start = size;
  while (start && text[start - 1] != '\n') start--;
  if (size > start) orr_buf_put(into, text + start, size - start < 300 ? size - start : 300);
}

static void connect_now(struct orr_master *master);

static void explain(struct orr_master *master, struct orr_child_result *result) {
  struct orr_buf words = {0};
  const char *host = master->transport->settings.ssh_host, *user = login_of(master);
  struct orr_err own = master->why;
  if (own.code)
    orr_buf_puts(&words, own.text);
  else if (strstr(orr_buf_text(&result->err), "REMOTE HOST IDENTIFICATION HAS CHANGED"))
    orr_buf_puts(&words, "its host key has changed; if that is right, remove the old one from known_hosts");
  else
    put_last_words(&words, &result->err);
  if (!words.size && result->signal) orr_buf_printf(&words, "ssh was ended by signal %d", result->signal);
  orr_fail(&master->why, ORR_UNAVAILABLE, "the ssh connection to %s%s%s %s: %s", user, *user ? "@" : "", host,
           master->up_since ? "broke" : "cannot be made",
           words.size ? orr_buf_text(&words) : "ssh gave no reason");
  orr_buf_free(&words);
}

static void remove_socket(struct orr_master *master) {
  struct orr_buf path = {0};
  orr_buf_printf(&path, "%s/%s", orr_transports_folder(master->all), master->socket);
  unlink(orr_buf_text(&path));
  orr_buf_free(&path);
}

static void destroy_if_over(struct orr_master *master) {
  if (master->transport || master->child || master->commands + master->files > 0) return;
  struct orr_master **at = orr_transports_masters(master->all);
  while (*at != master) at = &(*at)->next;
  *at = master->next;
  orr_buf_free(&master->said);
  free(master->account);
  free(master);
}

static void ended(void *data, struct orr_child_result *result) {
  struct orr_master *master = data;
  bool was_idle = master->up_since && !master->up && !master->why.code;
  stop_timer(master);
  remove_socket(master);
  master->child = NULL;
  master->up = false;
  if (master->transport && !was_idle) {
    int64_t now = orr_clock_ms();
    if (master->up_since && now - master->up_since > STEADY_MS) master->pause_ms = FIRST_PAUSE_MS;
    explain(master, result);
    tell(master, ORR_LOG_WARN, "no ssh connection");
    master->retry_at = now + master->pause_ms;
    master->pause_ms = master->pause_ms * 2 < LAST_PAUSE_MS ? master->pause_ms * 2 : LAST_PAUSE_MS;
    refuse_all(master);
  }
  if (master->transport && master->waiting) connect_now(master); /* they came while the idle one ended */
  destroy_if_over(master);
}

static void connect_now(struct orr_master *master) {
  struct orr_transport *transport = master->transport;
  struct orr_arena *arena = orr_arena_create();
  snprintf(master->socket, sizeof master->socket, "c%d", orr_transports_number(master->all));
  struct orr_child_options options = {
      .argv = orr_command_of_master(&transport->settings, master->account, master->socket, arena),
      .environment = environ, /* agents and Kerberos are found by it */
      .directory = orr_transports_folder(master->all),
      .most_output = MOST_WORDS,
      .said = said};
  struct orr_err err = {0};
  options.input_fd = orr_hold_take(orr_transports_held(master->all), &err);
  master->why = (struct orr_err){0};
  master->up_since = 0;
  master->limit = transport->settings.channels;
  master->refused = 0;
  orr_buf_free(&master->said);
  if (options.input_fd >= 0) {
    master->child = orr_child_start(orr_transports_loop(master->all), &options, ended, master, &err);
    close(options.input_fd);
  }
  orr_arena_destroy(arena);
  if (master->child) {
    master->timer = orr_timer_start(orr_transports_loop(master->all),
                                    transport->settings.connect_ms + GRACE_MS, 0, too_slow, master);
    return;
  }
  orr_fail(&master->why, ORR_UNAVAILABLE, "ssh cannot be started: %s", err.text);
  refuse_all(master);
}

/* --- what others ask for --- */

static struct orr_master *master_for(struct orr_passage *passage) {
  struct orr_transport *transport = passage->transport;
  const char *account = transport->settings.run_as == ORR_AS_LOGIN ? passage->account : NULL;
  struct orr_master **first = orr_transports_masters(transport->all);
  for (struct orr_master *master = *first; master; master = master->next)
    if (master->transport == transport &&
        (account ? master->account && strcmp(master->account, account) == 0 : !master->account))
      return master;
  struct orr_master *master = orr_zalloc(sizeof *master);
  *master = (struct orr_master){.all = transport->all,
                                .transport = transport,
                                .account = orr_strdup(account),
                                .pause_ms = FIRST_PAUSE_MS,
                                .last = &master->waiting,
                                .next = *first};
  return *first = master;
}

void orr_master_ask(struct orr_passage *passage) {
  struct orr_master *master = master_for(passage);
  if (!master->child && orr_clock_ms() < master->retry_at) {
    refuse(passage, &master->why);
    return;
  }
  passage->master = master;
  passage->next = NULL;
  *master->last = passage;
  master->last = &passage->next;
  if (!master->child)
    connect_now(master);
  else
    serve(master);
}

/* Whoever hangs at the far end keeps a session there, though nobody waits any more. When they have all of them, only another
   connection helps; where even the first command was refused, that would be no better. */
static void run_dry(struct orr_master *master) {
  bool has_served = master->well_at >= master->up_since;
  tell(master, ORR_LOG_WARN, "the ssh connection has no session left: what hangs at the far end keeps them");
  break_off(master, has_served ? ORR_OK : ORR_UNAVAILABLE, "the far end opens no session");
}

/* The far end refused one that should have been carried: it carries fewer. Of one that has just ended it may not know yet. */
static void learn_limit(struct orr_master *master) {
  int others = master->commands + master->files;
  if (others == 0 && ++master->refused > MOST_REFUSED) run_dry(master);
  if (others >= master->limit) return;
  if (master->limit == master->transport->settings.channels) /* it may take some tries to learn how many */
    tell(master, ORR_LOG_WARN, "the ssh server allows fewer sessions than ssh.channels");
  master->limit = others > 0 ? others : 1;
}

void orr_master_leave(struct orr_passage *passage) {
  struct orr_master *master = passage->master;
  if (!master) {
    orr_passage_destroy(passage);
    return;
  }
  bool is_its = master->up && passage->granted_at >= master->up_since; /* and not of a connection before it */
  bool silent = is_its && passage->silent && master->well_at < passage->granted_at;
  give_back(master, passage);
  master->used_at = orr_clock_ms();
  if (!passage->silent && !passage->full) master->well_at = master->used_at, master->refused = 0;
  if (is_its && passage->full) learn_limit(master);
  if (silent) break_off(master, ORR_UNAVAILABLE, "the far end does not answer");
  orr_passage_destroy(passage);
  serve(master);
  destroy_if_over(master);
}

void orr_masters_end(struct orr_transports *all, const struct orr_transport *transport) {
  struct orr_master *next;
  for (struct orr_master *master = *orr_transports_masters(all); master; master = next) {
    next = master->next;
    if (transport && master->transport != transport) continue;
    orr_fail(&master->why, ORR_UNAVAILABLE, "the connection is not wanted any more");
    refuse_all(master);
    stop_timer(master);
    if (master->child) orr_child_kill(master->child);
    master->up = false;
    master->transport = NULL;
    destroy_if_over(master);
  }
}
