/* house.terminal: the terminal around the command line.
     is_terminal(fd)    → boolean
     width()            → columns of the terminal on standard output or standard error | nil
     columns(text)      → columns that the UTF-8 text takes: wide characters 2, combining ones 0
     utf8               whether the locale's encoding is UTF-8
     write(fd, text)    → true | nil, code, sentence; unbuffered
     catch()            → descriptor for house.client to watch
     caught()           → the signal's number | nil
     sleep(ms)          waits, or until a signal is caught
   Once `catch` was called, SIGINT, SIGTERM and SIGHUP no longer end the process but make the descriptor
   readable; after `caught` has told of one, the next ends the process as usual. When nobody reads what is
   written, the process ends as by SIGPIPE, like cat. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <wchar.h>

#include "bind/house.h"
#include "bind/tables.h"

enum { PIECE = 4096 }; /* what a pipe that is writable takes without blocking */

/* The upvalue that the functions share. */
struct terminal {
  int caught_fd; /* -1: signals do what they always do */
  int signal;    /* the first that was caught, or 0 */
  locale_t utf8; /* for columns() */
};

static struct terminal *terminal_of(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

static int l_is_terminal(lua_State *L) { return lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1))), 1; }

static int l_width(lua_State *L) {
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
  if (size.ws_col == 0) return lua_pushnil(L), 1;
  return lua_pushinteger(L, size.ws_col), 1;
}

static int l_columns(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size), *end = text + size;
  mbstate_t state = {0};
  lua_Integer columns = 0;
  locale_t before = uselocale(terminal_of(L)->utf8);
  while (text < end) {
    wchar_t character;
    size_t bytes = mbrtowc(&character, text, (size_t)(end - text), &state);
    int width = (ssize_t)bytes > 0 ? wcwidth(character) : 1;
    columns += width > 0 ? width : 0;
    if ((ssize_t)bytes <= 0) bytes = 1, memset(&state, 0, sizeof state);
    text += bytes;
  }
  uselocale(before);
  return lua_pushinteger(L, columns), 1;
}

/* --- signals --- */

static void signals_caught(sigset_t *set) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  sigemptyset(set);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action;
    sigaction(numbers[i], NULL, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(set, numbers[i]); /* nohup, or a shell's `&`: keep it so */
  }
}

static int l_catch(lua_State *L) {
  struct terminal *terminal = terminal_of(L);
  if (terminal->caught_fd < 0) {
    sigset_t set;
    signals_caught(&set);
    terminal->caught_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->caught_fd < 0) return luaL_error(L, "signalfd: %s", strerror(errno));
    sigprocmask(SIG_BLOCK, &set, NULL);
  }
  return lua_pushinteger(L, terminal->caught_fd), 1;
}

/* Looks whether a signal has come, and lets the next one end the process. */
static int look(struct terminal *terminal) {
  struct signalfd_siginfo info;
  if (terminal->signal || terminal->caught_fd < 0) return terminal->signal;
  if (read(terminal->caught_fd, &info, sizeof info) != sizeof info) return 0;
  terminal->signal = (int)info.ssi_signo;
  sigset_t set;
  signals_caught(&set);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  return terminal->signal;
}

static int l_caught(lua_State *L) {
  int number = look(terminal_of(L));
  if (!number) return lua_pushnil(L), 1;
  return lua_pushinteger(L, number), 1;
}

static int l_sleep(lua_State *L) {
  struct terminal *terminal = terminal_of(L);
  struct pollfd wake = {.fd = terminal->caught_fd, .events = POLLIN};
  if (!look(terminal)) poll(&wake, 1, (int)luaL_checkinteger(L, 1));
  return 0;
}

/* --- writing --- */

static void end_as_by_sigpipe(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  raise(SIGPIPE);
}

static int l_write(lua_State *L) {
  struct terminal *terminal = terminal_of(L);
  int fd = (int)luaL_checkinteger(L, 1);
  size_t size, done = 0;
  const char *text = luaL_checklstring(L, 2, &size);
  while (done < size) {
    /* A reader that has stopped reading must not hold up Ctrl-C. */
    struct pollfd ready[] = {{.fd = fd, .events = POLLOUT}, {.fd = terminal->caught_fd, .events = POLLIN}};
    if (poll(ready, 2, -1) < 0 && errno != EINTR) break;
    if (!ready[0].revents && look(terminal)) return lua_pushboolean(L, 1), 1;
    if (!ready[0].revents) continue;
    ssize_t written = write(fd, text + done, size - done < PIECE ? size - done : PIECE);
    if (written >= 0)
      done += (size_t)written;
    else if (errno == EPIPE)
      end_as_by_sigpipe();
    else if (errno != EINTR && errno != EAGAIN)
      break;
  }
  if (done == size) return lua_pushboolean(L, 1), 1;
  struct orr_err err;
  orr_fail(&err, errno == ENOSPC ? ORR_NO_SPACE : ORR_IO, "cannot write: %s", strerror(errno));
  return orr_push_failure(L, &err);
}

static int l_collect(lua_State *L) {
  struct terminal *terminal = lua_touserdata(L, 1);
  if (terminal->utf8) freelocale(terminal->utf8);
  if (terminal->caught_fd >= 0) close(terminal->caught_fd);
  return 0;
}

/* Asked of the environment's locale without making it the process's own. */
static bool locale_is_utf8(void) {
  locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
  if (!locale) return false;
  bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
  freelocale(locale);
  return utf8;
}

int orr_bind_terminal(lua_State *L) {
  static const luaL_Reg functions[] = {{"is_terminal", l_is_terminal},
                                       {"width", l_width},
                                       {"columns", l_columns},
                                       {"write", l_write},
                                       {"catch", l_catch},
                                       {"caught", l_caught},
                                       {"sleep", l_sleep},
                                       {NULL, NULL}};
  signal(SIGPIPE, SIG_IGN); /* a connection that breaks must not end us; l_write looks for EPIPE */
  luaL_newlibtable(L, functions);
  struct terminal *terminal = lua_newuserdatauv(L, sizeof *terminal, 0);
  *terminal = (struct terminal){.caught_fd = -1, .utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, l_collect);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  luaL_setfuncs(L, functions, 1);
  lua_pushboolean(L, locale_is_utf8());
  lua_setfield(L, -2, "utf8");
  return 1;
}
