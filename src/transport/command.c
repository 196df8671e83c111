/* The argument vectors of ssh and sudo. Whatever a site says of its login nodes (jump hosts, keys, Kerberos, agents) is in
   ssh's own configuration, which the master obeys; those who use its connection need none of it, and must never make one
   of their own: without the master ssh would connect by itself, and nobody would count that. */
#include <stdlib.h>
#include <string.h>

#include "transport/private.h"

enum { MOST_WORDS = 48 };

struct words {
  char **list;
  size_t count;
  struct orr_arena *arena;
};

static struct words begin(struct orr_arena *arena) {
  return (struct words){orr_arena_zalloc(arena, MOST_WORDS * sizeof(char *)), 0, arena};
}

static void add(struct words *words, const char *text) {
  if (words->count < MOST_WORDS - 1)
    words->list[words->count++] = orr_arena_dup(words->arena, text, strlen(text));
}

static void add_all(struct words *words, const char *const *list) {
  for (; *list; list++) add(words, *list);
}

static void add_option(struct words *words, const char *name, const char *value) {
  add(words, "-o");
  add(words, orr_arena_printf(words->arena, "%s=%s", name, value));
}

char **orr_command_of_master(const struct orr_transport_settings *settings, const char *account,
                             const char *socket, struct orr_arena *arena) {
  static const char *const fixed[] = {"-M", "-N", "-T", "-x", "-a", NULL};
  static const char *const options[][2] = {
      {"BatchMode", "yes"},          {"ControlPersist", "no"},     {"ClearAllForwardings", "yes"},
      {"ServerAliveInterval", "10"}, {"ServerAliveCountMax", "3"}, {"PermitLocalCommand", "yes"},
      {"LocalCommand", "echo up"},   {"TCPKeepAlive", "yes"},      {"LogLevel", "INFO"}};
  struct words words = begin(arena);
  const char *user = settings->run_as == ORR_AS_LOGIN && account ? account : settings->ssh_user;
  add(&words, "ssh");
  if (settings->ssh_config) add(&words, "-F"), add(&words, settings->ssh_config);
  add_all(&words, fixed);
  add_option(&words, "ControlPath", socket);
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    add_option(&words, options[i][0], options[i][1]);
  add_option(&words, "ConnectTimeout", orr_arena_printf(arena, "%d", (settings->connect_ms + 999) / 1000));
  if (user) add(&words, "-l"), add(&words, user);
  if (settings->ssh_port) add(&words, "-p"), add(&words, orr_arena_printf(arena, "%d", settings->ssh_port));
  add(&words, "--");
  add(&words, settings->ssh_host);
  return words.list;
}

char **orr_command_of_shell(const struct orr_transport_settings *settings, const char *account,
                            const char *socket, struct orr_arena *arena) {
  static const char *const sudo[] = {"sudo", "-n", "-H", "-u", NULL};
  static const char *const use[] = {"ssh",       "-F",
                                    "/dev/null", "-T",
                                    "-x",        "-a",
                                    "-o",        "ControlMaster=no",
                                    "-o",        "BatchMode=yes",
                                    "-o",        "ProxyCommand=false",
                                    "-o",        "LogLevel=ERROR",
                                    NULL};
  struct words words = begin(arena);
  const char *shell = settings->login ? "/bin/sh -l" : "/bin/sh";
  bool by_sudo = settings->run_as == ORR_AS_SUDO && account;
  if (settings->ssh_host) { /* a word of the far end's shell, whichever that is */
    add_all(&words, use);
    add_option(&words, "ControlPath", socket);
    add(&words, "--");
    add(&words, settings->ssh_host);
    add(&words, by_sudo ? orr_arena_printf(arena, "exec sudo -n -H -u '%s' -- %s", account, shell)
                        : orr_arena_printf(arena, "exec %s", shell));
    return words.list;
  }
  if (by_sudo) add_all(&words, sudo), add(&words, account), add(&words, "--");
  add(&words, "/bin/sh");
  if (settings->login) add(&words, "-l");
  return words.list;
}
