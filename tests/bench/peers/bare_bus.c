/* The most that librabbitmq gives to who calls it in a plain loop, remembering nothing.
   usage: bare_bus publish URL EVENTS WINDOW BYTES   persistent messages to the exchange orrery.events, with publisher
                                                     confirms, so many under way; the queue orrery.bare is bound to it, is
                                                     empty before and after, and stays: prints messages a second
          bare_bus echo URL QUEUE                    answers calls, until it is killed; prints a line when it serves
          bare_bus call URL CALLS {QUEUE METHOD}…    calls one after the other, of each in turn, so that what else the machine
                                                     does weighs on all: prints the median round trips in nanoseconds */
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHANNEL = 1 };

static amqp_connection_state_t connection;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(int wrong, const char *what) {
  if (!wrong) return;
  fprintf(stderr, "bare_bus: %s failed\n", what);
  exit(1);
}

static void check_reply(const char *what) {
  check(amqp_get_rpc_reply(connection).reply_type != AMQP_RESPONSE_NORMAL, what);
}

static void open_connection(char *url) {
  struct amqp_connection_info info;
  amqp_default_connection_info(&info);
  check(amqp_parse_url(url, &info), "the URL");
  connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_tcp_socket_new(connection);
  check(amqp_socket_open(socket, info.host, info.port), "connecting");
  check(amqp_login(connection, info.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password)
                .reply_type != AMQP_RESPONSE_NORMAL,
        "logging in");
  amqp_channel_open(connection, CHANNEL);
  check_reply("opening a channel");
}

/* --- events --- */

static int await_confirms(void) {
  amqp_frame_t frame;
  check(amqp_simple_wait_frame(connection, &frame), "waiting for a confirm");
  if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) return 0;
  static uint64_t confirmed;
  const amqp_basic_ack_t *ack = frame.payload.method.decoded;
  int count = ack->multiple ? (int)(ack->delivery_tag - confirmed) : 1;
  confirmed += (uint64_t)count; /* a broker confirms one queue's in their order */
  amqp_maybe_release_buffers(connection);
  return count;
}

/* A broker takes the longer for a message, the more messages its queue holds. */
static void empty(amqp_bytes_t queue) {
  amqp_queue_purge(connection, CHANNEL, queue);
  check_reply("emptying the queue");
}

/* Keys and ids as events have them: a broker reads keys letter by letter, and that is a part of its work. */
static void name(int number, char *key, char *id, amqp_basic_properties_t *properties) {
  sprintf(key, "job.state.019f0000-0000-7000-8000-000000000000.019f0000-0000-7000-8000-%012d", number);
  sprintf(id, "%d", number);
  properties->message_id = amqp_cstring_bytes(id);
}

static void publish(int events, int window, size_t size) {
  amqp_bytes_t exchange = amqp_cstring_bytes("orrery.events"), queue = amqp_cstring_bytes("orrery.bare");
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG |
                                                  AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG,
                                        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
                                        .content_type = amqp_cstring_bytes("application/cloudevents+json")};
  char key[128], id[16];
  amqp_bytes_t body = {size, calloc(1, size)};
  amqp_exchange_declare(connection, CHANNEL, exchange, amqp_cstring_bytes("topic"), 0, 1, 0, 0,
                        amqp_empty_table);
  check_reply("declaring the exchange");
  amqp_queue_declare(connection, CHANNEL, queue, 0, 1, 0, 0, amqp_empty_table);
  check_reply("declaring the queue");
  amqp_queue_bind(connection, CHANNEL, queue, exchange, amqp_cstring_bytes("#"), amqp_empty_table);
  check_reply("binding the queue");
  amqp_confirm_select(connection, CHANNEL);
  check_reply("asking for confirms");
  empty(queue);
  double began = seconds();
  for (int sent = 0, confirmed = 0; confirmed < events;) {
    for (; sent < events && sent - confirmed < window; sent++) {
      name(sent, key, id, &properties);
      check(
          amqp_basic_publish(connection, CHANNEL, exchange, amqp_cstring_bytes(key), 0, 0, &properties, body),
          "publishing");
    }
    confirmed += await_confirms();
  }
  printf("%.0f\n", events / (seconds() - began));
  fflush(stdout);
  empty(queue);
}

/* --- calls --- */

static void consume(amqp_bytes_t queue) {
  amqp_basic_consume(connection, CHANNEL, queue, amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
  check_reply("consuming");
}

static void echo(const char *name) {
  amqp_bytes_t queue = amqp_cstring_bytes(name);
  amqp_queue_declare(connection, CHANNEL, queue, 0, 0, 0, 1, amqp_empty_table);
  check_reply("declaring the queue");
  consume(queue);
  puts("serving");
  fflush(stdout);
  for (;;) {
    amqp_envelope_t envelope;
    check(amqp_consume_message(connection, &envelope, NULL, 0).reply_type != AMQP_RESPONSE_NORMAL,
          "consuming");
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CORRELATION_ID_FLAG,
                                          .correlation_id = envelope.message.properties.correlation_id};
    check(amqp_basic_publish(connection, CHANNEL, amqp_empty_bytes, envelope.message.properties.reply_to, 0,
                             0, &properties, envelope.message.body),
          "answering");
    amqp_destroy_envelope(&envelope);
    amqp_maybe_release_buffers(connection);
  }
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double round_trip(const char *queue, const char *method) {
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_REPLY_TO_FLAG |
                                                  AMQP_BASIC_CORRELATION_ID_FLAG |
                                                  AMQP_BASIC_CONTENT_TYPE_FLAG,
                                        .type = amqp_cstring_bytes(method),
                                        .reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to"),
                                        .correlation_id = amqp_cstring_bytes("1"),
                                        .content_type = amqp_cstring_bytes("application/json")};
  amqp_envelope_t envelope;
  double began = seconds();
  check(amqp_basic_publish(connection, CHANNEL, amqp_empty_bytes, amqp_cstring_bytes(queue), 0, 0,
                           &properties, amqp_cstring_bytes("{}")),
        "calling");
  check(amqp_consume_message(connection, &envelope, NULL, 0).reply_type != AMQP_RESPONSE_NORMAL, "an answer");
  double took = seconds() - began;
  amqp_destroy_envelope(&envelope);
  amqp_maybe_release_buffers(connection);
  return took;
}

static void call(int calls, char **targets, int count) {
  double *times = calloc((size_t)(calls * count), sizeof *times);
  consume(amqp_cstring_bytes("amq.rabbitmq.reply-to"));
  for (int i = 0; i < calls; i++)
    for (int k = 0; k < count; k++) times[k * calls + i] = round_trip(targets[2 * k], targets[2 * k + 1]);
  for (int k = 0; k < count; k++) {
    qsort(times + k * calls, (size_t)calls, sizeof *times, by_size);
    printf("%.0f\n", times[k * calls + calls / 2] * 1e9);
  }
}

int main(int argc, char **argv) {
  const char *what = argc > 3 ? argv[1] : "";
  if (argc > 3) open_connection(argv[2]);
  if (strcmp(what, "publish") == 0 && argc == 6)
    publish(atoi(argv[3]), atoi(argv[4]), (size_t)atoi(argv[5]));
  else if (strcmp(what, "echo") == 0)
    echo(argv[3]);
  else if (strcmp(what, "call") == 0 && argc > 5 && argc % 2 == 0)
    call(atoi(argv[3]), argv + 4, (argc - 4) / 2);
  else
    return 64;
  return 0;
}
