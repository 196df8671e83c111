#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "transport/private.h"

static char *const *copy_list(char *const *list) {
  size_t count = 0;
  while (list && list[count]) count++;
  char **copy = orr_zalloc((count + 1) * sizeof *copy);
  for (size_t i = 0; i < count; i++) copy[i] = orr_strdup(list[i]);
  return copy;
}

static void destroy(struct orr_transport *transport) {
  for (char *const *variable = transport->settings.environment; *variable; variable++) free(*variable);
  free((char **)transport->settings.environment);
  free((char *)transport->settings.ssh_host);
  free((char *)transport->settings.ssh_user);
  free((char *)transport->settings.ssh_config);
  free(transport);
}

static void over(struct orr_message *message) {
  struct orr_transport *transport =
      (struct orr_transport *)((char *)message - offsetof(struct orr_transport, over));
  orr_masters_end(transport->all, transport);
  destroy(transport);
}

/* A host that begins with '-' would be an option of ssh. */
static int check(const struct orr_transport_settings *settings, struct orr_err *err) {
  if (settings->run_as == ORR_AS_LOGIN && !settings->ssh_host)
    return orr_fail(err, ORR_INVALID, "run_as = \"login\" needs ssh.host");
  if (settings->ssh_host && (*settings->ssh_host == '-' || !*settings->ssh_host))
    return orr_fail(err, ORR_INVALID, "ssh.host is no name of a host: %s", settings->ssh_host);
  if (settings->ssh_user && (*settings->ssh_user == '-' || !*settings->ssh_user))
    return orr_fail(err, ORR_INVALID, "ssh.user is no name of an account: %s", settings->ssh_user);
  return ORR_OK;
}

struct orr_transport *orr_transport_create(struct orr_transports *transports,
                                           const struct orr_transport_settings *settings,
                                           struct orr_err *err) {
  if (check(settings, err) != ORR_OK) return NULL;
  if (settings->ssh_host && !orr_transports_keep(transports, err)) return NULL;
  struct orr_transport *transport = orr_zalloc(sizeof *transport);
  transport->all = transports;
  transport->settings = *settings;
  transport->settings.ssh_host = orr_strdup(settings->ssh_host);
  transport->settings.ssh_user = orr_strdup(settings->ssh_user);
  transport->settings.ssh_config = orr_strdup(settings->ssh_config);
  transport->settings.environment = copy_list(settings->environment);
  transport->over.deliver = over;
  atomic_init(&transport->holders, 1);
  return transport;
}

struct orr_transport *orr_transport_hold(struct orr_transport *transport) {
  atomic_fetch_add(&transport->holders, 1);
  return transport;
}

void orr_transport_release(struct orr_transport *transport) {
  if (!transport || atomic_fetch_sub(&transport->holders, 1) > 1) return;
  if (transport->settings.ssh_host)
    orr_loop_post(orr_transports_loop(transport->all), &transport->over);
  else
    destroy(transport);
}

char *const *orr_transport_environment(const struct orr_transport *transport) {
  return transport->settings.environment;
}

bool orr_transport_is_far(const struct orr_transport *transport) {
  return transport->settings.ssh_host != NULL;
}

bool orr_transport_has_accounts(const struct orr_transport *transport) {
  return transport->settings.run_as != ORR_AS_SERVICE;
}

bool orr_transport_is_here(const struct orr_transport *transport, const char *account) {
  return !transport->settings.ssh_host && (!orr_transport_has_accounts(transport) || !account);
}
