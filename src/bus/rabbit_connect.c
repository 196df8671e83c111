/* One connection to RabbitMQ: from the URL to consuming, and its end. */
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bus/rabbit.h"

enum { HANDSHAKE_S = 5, FRAME_BYTES = 131072 };

static char *joined(const char *prefix, const char *rest) {
  struct orr_buf text = {0};
  orr_buf_printf(&text, "%s.%s", prefix, rest);
  char *result = orr_strdup(orr_buf_text(&text));
  orr_buf_free(&text);
  return result;
}

int orr_rabbit_parse(struct orr_rabbit *rabbit, const struct orr_bus_options *options, struct orr_err *err) {
  struct amqp_connection_info info;
  amqp_default_connection_info(&info);
  rabbit->url = orr_strdup(options->url);
  if (amqp_parse_url(rabbit->url, &info) != AMQP_STATUS_OK)
    return orr_fail(err, ORR_INVALID,
                    "bus.url must be amqp://user:password@host:port/vhost (or amqps://…), with %%2F "
                    "for a / in the name of the virtual host");
  rabbit->user = orr_strdup(info.user);
  rabbit->password = orr_strdup(options->password ? options->password : info.password);
  rabbit->host = orr_strdup(info.host);
  rabbit->vhost = orr_strdup(info.vhost);
  rabbit->port = info.port;
  rabbit->tls = info.ssl;
  rabbit->unverified = options->unverified;
  rabbit->ca = orr_strdup(options->ca);
  rabbit->cert = orr_strdup(options->cert);
  rabbit->key = orr_strdup(options->key);
  rabbit->prefix = orr_strdup(options->prefix);
  rabbit->exchange = joined(options->prefix, "events");
  rabbit->queue = joined(options->prefix, "rpc");
  rabbit->heartbeat_s = options->heartbeat_s;
  rabbit->window = options->window;
  rabbit->body_bytes = options->body_bytes;
  rabbit->unconfirmed = orr_zalloc((size_t)rabbit->window * sizeof *rabbit->unconfirmed);
  return ORR_OK;
}

/* --- what the broker says --- */

static int refusal(struct orr_err *err, const char *what, amqp_bytes_t text) {
  return orr_fail(err, ORR_UNAVAILABLE, "%s: %.*s", what, (int)text.len, (const char *)text.bytes);
}

int orr_rabbit_reply(struct orr_rabbit *rabbit, amqp_rpc_reply_t reply, const char *what,
                     struct orr_err *err) {
  (void)rabbit;
  switch (reply.reply_type) {
  case AMQP_RESPONSE_NORMAL: return ORR_OK;
  case AMQP_RESPONSE_SERVER_EXCEPTION:
    if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
      return refusal(err, what, ((amqp_connection_close_t *)reply.reply.decoded)->reply_text);
    if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
      return refusal(err, what, ((amqp_channel_close_t *)reply.reply.decoded)->reply_text);
    return orr_fail(err, ORR_UNAVAILABLE, "%s: the broker refused", what);
  default: return orr_fail(err, ORR_UNAVAILABLE, "%s: %s", what, amqp_error_string2(reply.library_error));
  }
}

static int asked(struct orr_rabbit *rabbit, const char *what, struct orr_err *err) {
  return orr_rabbit_reply(rabbit, amqp_get_rpc_reply(rabbit->connection), what, err);
}

/* --- the parts of connecting --- */

static int library(struct orr_err *err, const char *what, int status) {
  return orr_fail(err, ORR_UNAVAILABLE, "%s: %s", what, amqp_error_string2(status));
}

static int unreached(const struct orr_rabbit *rabbit, int status, struct orr_err *err) {
  if (status == AMQP_STATUS_SSL_PEER_VERIFY_FAILED)
    return orr_fail(err, ORR_UNAVAILABLE,
                    "nobody whom we trust vouches for its certificate; bus.ca_file names who does");
  if (status == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED)
    return orr_fail(err, ORR_UNAVAILABLE, "its certificate is not one of the name %s; an address is no name",
                    rabbit->host);
  if (rabbit->tls && status != AMQP_STATUS_SOCKET_ERROR && status != AMQP_STATUS_TIMEOUT)
    return orr_fail(err, ORR_UNAVAILABLE,
                    "no TLS could be agreed on (%s); where it speaks none, bus.url begins with amqp://",
                    amqp_error_string2(status));
  return library(err, "nobody answers there", status);
}

static amqp_socket_t *make_socket(struct orr_rabbit *rabbit, struct orr_err *err) {
  int status = AMQP_STATUS_OK;
  amqp_socket_t *socket =
      rabbit->tls ? amqp_ssl_socket_new(rabbit->connection) : amqp_tcp_socket_new(rabbit->connection);
  if (!socket) {
    orr_fail(err, ORR_UNAVAILABLE, "no socket could be made");
    return NULL;
  }
  if (!rabbit->tls) return socket;
  amqp_ssl_socket_set_verify_peer(socket, !rabbit->unverified);
  amqp_ssl_socket_set_verify_hostname(socket, !rabbit->unverified);
  if (rabbit->ca && (status = amqp_ssl_socket_set_cacert(socket, rabbit->ca)))
    library(err, "bus.ca_file cannot be used", status);
  else if (rabbit->cert && (status = amqp_ssl_socket_set_key(socket, rabbit->cert, rabbit->key)))
    library(err, "bus.cert_file and bus.key_file cannot be used", status);
  return status ? NULL : socket;
}

static void know_descriptor(struct orr_rabbit *rabbit, int fd) {
  pthread_mutex_lock(&rabbit->bus.lock);
  rabbit->fd = fd;
  pthread_mutex_unlock(&rabbit->bus.lock);
}

static amqp_table_entry_t flag(const char *name) {
  return (amqp_table_entry_t){amqp_cstring_bytes(name), {AMQP_FIELD_KIND_BOOLEAN, {.boolean = 1}}};
}

static amqp_table_entry_t word(const char *name, const char *value) {
  return (amqp_table_entry_t){amqp_cstring_bytes(name),
                              {AMQP_FIELD_KIND_UTF8, {.bytes = amqp_cstring_bytes(value)}}};
}

static int log_in(struct orr_rabbit *rabbit, struct orr_err *err) {
  amqp_table_entry_t abilities[] = {flag("connection.blocked"), flag("consumer_cancel_notify"),
                                    flag("publisher_confirms"), flag("basic.nack")};
  amqp_table_entry_t words[] = {
      word("product", "Orrery"),
      word("version", ORRERY_VERSION),
      word("connection_name", rabbit->prefix),
      {amqp_cstring_bytes("capabilities"),
       {AMQP_FIELD_KIND_TABLE, {.table = {sizeof abilities / sizeof *abilities, abilities}}}}};
  amqp_table_t properties = {sizeof words / sizeof *words, words};
  amqp_rpc_reply_t reply = amqp_login_with_properties(rabbit->connection, rabbit->vhost, ORR_CHANNELS,
                                                      FRAME_BYTES, rabbit->heartbeat_s, &properties,
                                                      AMQP_SASL_METHOD_PLAIN, rabbit->user, rabbit->password);
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && !rabbit->tls)
    return orr_fail(err, ORR_UNAVAILABLE,
                    "it broke off while we logged in (%s); where it speaks TLS, bus.url begins with "
                    "amqps://",
                    amqp_error_string2(reply.library_error));
  return orr_rabbit_reply(rabbit, reply, "it does not let us in", err);
}

static int open_channels(struct orr_rabbit *rabbit, struct orr_err *err) {
  amqp_connection_state_t connection = rabbit->connection;
  int code;
  for (amqp_channel_t channel = 1; channel < ORR_CHANNELS; channel++) {
    amqp_channel_open(connection, channel);
    if ((code = asked(rabbit, "no channel", err))) return code;
  }
  amqp_exchange_declare(connection, ORR_CHANNEL_EVENTS, orr_bytes(rabbit->exchange), orr_bytes("topic"), 0, 1,
                        0, 0, amqp_empty_table);
  if ((code = asked(rabbit, "the exchange of events cannot be declared", err))) return code;
  amqp_confirm_select(connection, ORR_CHANNEL_EVENTS);
  if ((code = asked(rabbit, "no publisher confirms", err))) return code;
  amqp_basic_consume(connection, ORR_CHANNEL_CALLS, orr_bytes("amq.rabbitmq.reply-to"), amqp_empty_bytes, 0,
                     1, 0, amqp_empty_table);
  return asked(rabbit, "answers to calls cannot be received", err);
}

static int bind_more(struct orr_rabbit *rabbit, struct orr_err *err) {
  int count = 0, code = ORR_OK;
  pthread_mutex_lock(&rabbit->bus.lock);
  for (struct orr_subscriber *it = rabbit->bus.subscribers; it; it = it->next) count++;
  struct orr_subscriber *newest = rabbit->bus.subscribers;
  pthread_mutex_unlock(&rabbit->bus.lock);
  if (count == rabbit->subscribed) return ORR_OK;
  if (rabbit->subscribed == 0) { /* a queue of ours alone, which goes with the connection */
    amqp_queue_declare(rabbit->connection, ORR_CHANNEL_LISTENS, amqp_empty_bytes, 0, 0, 1, 1,
                       amqp_empty_table);
    if ((code = asked(rabbit, "no queue for events of others", err))) return code;
    amqp_basic_consume(rabbit->connection, ORR_CHANNEL_LISTENS, amqp_empty_bytes, amqp_empty_bytes, 0, 1, 1,
                       amqp_empty_table);
    if ((code = asked(rabbit, "events of others cannot be received", err))) return code;
  }
  int more = count - rabbit->subscribed;
  for (struct orr_subscriber *it = newest; code == ORR_OK && more-- > 0; it = it->next) {
    amqp_queue_bind(rabbit->connection, ORR_CHANNEL_LISTENS, amqp_empty_bytes, orr_bytes(rabbit->exchange),
                    orr_bytes(it->pattern), amqp_empty_table);
    code = asked(rabbit, "events of others cannot be subscribed to", err);
  }
  rabbit->subscribed = count;
  return code;
}

static int consume(struct orr_rabbit *rabbit, struct orr_err *err) {
  static const char tag[] = "orrery";
  int code;
  amqp_queue_declare(rabbit->connection, ORR_CHANNEL_SERVES, orr_bytes(rabbit->queue), 0, 1, 0, 0,
                     amqp_empty_table);
  if ((code = asked(rabbit, "the queue of our methods cannot be declared", err))) return code;
  amqp_basic_qos(rabbit->connection, ORR_CHANNEL_SERVES, 0, ORR_SERVED_AT_ONCE, 0);
  if ((code = asked(rabbit, "no limit for calls", err))) return code;
  amqp_basic_consume(rabbit->connection, ORR_CHANNEL_SERVES, orr_bytes(rabbit->queue), orr_bytes(tag), 0, 0,
                     0, amqp_empty_table);
  rabbit->consuming = true;
  return asked(rabbit, "calls of our methods cannot be received", err);
}

static int stop_consuming(struct orr_rabbit *rabbit, struct orr_err *err) {
  rabbit->consuming = false;
  amqp_basic_cancel(rabbit->connection, ORR_CHANNEL_SERVES, orr_bytes("orrery"));
  return asked(rabbit, "calls of our methods cannot be stopped", err);
}

int orr_rabbit_join(struct orr_rabbit *rabbit, struct orr_err *err) {
  int code = bind_more(rabbit, err);
  pthread_mutex_lock(&rabbit->bus.lock);
  bool wanted = rabbit->bus.server && !atomic_load(&rabbit->quiet);
  pthread_mutex_unlock(&rabbit->bus.lock);
  if (code == ORR_OK && wanted && !rabbit->consuming) code = consume(rabbit, err);
  if (code == ORR_OK && !wanted && rabbit->consuming) code = stop_consuming(rabbit, err);
  return code;
}

/* --- one connection --- */

int orr_rabbit_connect(struct orr_rabbit *rabbit, struct orr_err *err) {
  struct timeval patience = {HANDSHAKE_S, 0};
  rabbit->connection = amqp_new_connection();
  rabbit->connections++;
  rabbit->next_tag = rabbit->oldest_tag = 1;
  rabbit->subscribed = 0;
  rabbit->consuming = rabbit->blocked = false;
  amqp_set_handshake_timeout(rabbit->connection, &patience);
  amqp_set_rpc_timeout(rabbit->connection, &patience);
  amqp_socket_t *socket = make_socket(rabbit, err);
  int code = socket ? amqp_socket_open_noblock(socket, rabbit->host, rabbit->port, &patience) : err->code;
  if (socket && code != AMQP_STATUS_OK) code = unreached(rabbit, code, err);
  if (code == ORR_OK) know_descriptor(rabbit, amqp_socket_get_sockfd(socket));
  if (code == ORR_OK) code = log_in(rabbit, err);
  if (code == ORR_OK) code = open_channels(rabbit, err);
  if (code == ORR_OK) code = orr_rabbit_join(rabbit, err);
  if (code != ORR_OK) orr_rabbit_disconnect(rabbit);
  return code;
}

void orr_rabbit_disconnect(struct orr_rabbit *rabbit) {
  if (!rabbit->connection) return;
  orr_poll_stop(rabbit->poll);
  rabbit->poll = NULL;
  know_descriptor(rabbit, -1);
  amqp_destroy_connection(rabbit->connection);
  rabbit->connection = NULL;
  orr_rabbit_forget_incoming(rabbit);
}
