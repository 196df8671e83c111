#include <stddef.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "transport/private.h"

static void arrive(struct orr_message *message) {
  struct orr_passage *passage = (struct orr_passage *)message;
  orr_loop_expect(passage->home, -1);
  orr_timer_stop(passage->patience);
  passage->patience = NULL;
  passage->come(passage);
}

static void withdraw(struct orr_message *message) {
  orr_master_withdraw((struct orr_passage *)((char *)message - offsetof(struct orr_passage, withdraw)));
}

static void lost_patience(void *data) {
  struct orr_passage *passage = data;
  orr_timer_stop(passage->patience);
  passage->patience = NULL;
  passage->withdraw.deliver = withdraw;
  passage->withdrawn = orr_transports_tell(passage->transport->all, &passage->withdraw);
}

void orr_passage_send_home(struct orr_passage *passage) {
  passage->message.deliver = arrive;
  orr_loop_post(passage->home, &passage->message);
}

static void ask(struct orr_message *message) { orr_master_ask((struct orr_passage *)message); }

struct orr_passage *orr_passage_ask(struct orr_transport *transport, const char *account, bool file,
                                    struct orr_loop *home, long long timeout_ms,
                                    void (*come)(struct orr_passage *passage), void *user) {
  struct orr_passage *passage = orr_zalloc(sizeof *passage);
  *passage = (struct orr_passage){.transport = orr_transport_hold(transport),
                                  .account = orr_strdup(account),
                                  .file = file,
                                  .home = home,
                                  .come = come,
                                  .user = user,
                                  .arena = orr_arena_create()};
  orr_loop_expect(home, 1);
  passage->message.deliver = ask;
  if (!transport->settings.ssh_host) {
    passage->argv = orr_command_of_shell(&transport->settings, account, NULL, passage->arena);
    orr_passage_send_home(passage);
  } else if (!orr_transports_tell(transport->all, &passage->message)) {
    orr_fail(&passage->err, ORR_UNAVAILABLE, "the server is stopping");
    orr_passage_send_home(passage);
  } else {
    passage->patience = orr_timer_start(home, timeout_ms, 0, lost_patience, passage);
  }
  return passage;
}

void orr_passage_destroy(struct orr_passage *passage) {
  orr_transport_release(passage->transport);
  orr_arena_destroy(passage->arena);
  free(passage->account);
  free(passage);
}

static void leave(struct orr_message *message) { orr_master_leave((struct orr_passage *)message); }

void orr_passage_leave(struct orr_passage *passage) {
  if (!passage->master && !passage->withdrawn) {
    orr_passage_destroy(passage);
    return;
  }
  passage->message.deliver = leave;
  orr_loop_post(orr_transports_loop(passage->transport->all), &passage->message);
}
