#include "http/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "http/feed_private.h"

enum { MUCH_AT_ONCE = 8 << 20 }; /* bytes told to all streams in one turn of the loop */

/* --- whose streams there are --- */

size_t orr_feed_streams(const struct orr_feed *feed) { return feed->count; }

size_t orr_feed_streams_of(const struct orr_feed *feed, size_t holder) {
  return holder < feed->held_count ? feed->held[holder] : 0;
}

static void count_in(struct orr_feed *feed, size_t holder) {
  if (holder >= feed->held_count) {
    size_t room = 2 * holder + 1;
    feed->held = orr_realloc(feed->held, room * sizeof *feed->held);
    memset(feed->held + feed->held_count, 0, (room - feed->held_count) * sizeof *feed->held);
    feed->held_count = room;
  }
  feed->held[holder]++;
  if (feed->count++ == 0) orr_feed_look_on(feed);
}

static void count_out(struct orr_feed *feed, size_t holder) {
  feed->held[holder]--;
  if (--feed->count == 0) orr_feed_look_no_more(feed);
}

/* --- the life of a stream --- */

static void end(struct orr_feed_stream *stream) {
  struct orr_feed *feed = stream->feed;
  orr_feed_displace(stream);
  orr_feed_step_out(stream);
  count_out(feed, stream->right.holder);
  orr_respond_end(stream->request, false); /* frees the stream */
}

static void proceed(struct orr_request *request) {
  struct orr_feed_stream *stream = request->user;
  if (stream->place == ORR_FEED_FULL) orr_feed_settle(stream, stream->number);
}

static void left(struct orr_request *request) { end(request->user); }

static const struct orr_keeper keeper = {.proceed = proceed, .left = left};

void orr_feed_add(struct orr_feed *feed, struct orr_request *request, const struct orr_feed_filter *filter,
                  const struct orr_feed_right *right, int64_t number) {
  struct orr_feed_stream *stream = orr_arena_zalloc(request->arena, sizeof *stream);
  *stream = (struct orr_feed_stream){
      .feed = feed, .request = request, .filter = *filter, .right = *right, .place = ORR_FEED_FULL};
  orr_request_keep(request, &keeper, stream);
  orr_feed_line_up(stream);
  count_in(feed, right->holder);
  orr_feed_grow(feed);
  orr_feed_settle(stream, number);
  if (request->aborted || request->half_closed) orr_feed_move(stream, ORR_FEED_LEAVING);
}

/* A client that has yet to take something is not waited for: it has had its time. */
static void end_those_leaving(struct orr_feed *feed) {
  for (struct orr_feed_stream *stream; (stream = feed->leaving.first);) {
    if (orr_respond_queued(stream->request) > 0)
      orr_respond_drop(stream->request); /* by way of `left` */
    else
      end(stream);
  }
}

static void turn_ended(struct orr_chore *chore) {
  struct orr_feed *feed = (struct orr_feed *)((char *)chore - offsetof(struct orr_feed, turn_ended));
  feed->told = 0;
  end_those_leaving(feed);
  if (feed->behind.first) feed->waiting(feed->data);
}

struct orr_feed *orr_feed_create(struct orr_loop *loop, int64_t heartbeat_ms, void (*waiting)(void *data),
                                 void *data) {
  struct orr_feed *feed = orr_zalloc(sizeof *feed);
  *feed = (struct orr_feed){.loop = loop, .heartbeat_ms = heartbeat_ms, .waiting = waiting, .data = data};
  feed->turn_ended.run = turn_ended;
  orr_feed_make_places(feed);
  return feed;
}

void orr_feed_destroy(struct orr_feed *feed) {
  if (!feed) return;
  orr_loop_forget(feed->loop, &feed->turn_ended);
  orr_feed_look_no_more(feed);
  free(feed->slots);
  free(feed->held);
  free(feed);
}

int64_t orr_feed_number(const struct orr_feed *feed) { return feed->number; }
void orr_feed_set_number(struct orr_feed *feed, int64_t number) { feed->number = number; }

/* --- telling the live --- */

static bool fits(const struct orr_feed_filter *filter, const struct orr_feed_event *event) {
  if (filter->owner && filter->owner != event->owner) return false;
  if (filter->simulation && filter->simulation != event->simulation) return false;
  if (filter->job && (filter->job < event->job || filter->job >= event->job + event->jobs)) return false;
  if (filter->types && !(filter->types & event->type)) return false;
  return !filter->states || (filter->states & event->state);
}

/* The next live stream of a subject that wants the event, from `at` on. */
static struct orr_feed_stream *find(struct orr_feed_stream *at, int64_t subject,
                                    const struct orr_feed_event *event) {
  while (at && (orr_feed_subject(&at->filter) != subject || at->number >= event->number ||
                !fits(&at->filter, event)))
    at = at->next;
  return at;
}

/* The subjects by which an event finds its streams, one after the other: nobody's in particular, its owner, its simulation,
   its jobs. */
static bool next_subject(const struct orr_feed *feed, const struct orr_feed_event *event, int64_t *step,
                         int64_t *subject) {
  int64_t jobs = feed->jobs ? event->jobs : 0;
  do {
    int64_t at = (*step)++;
    if (at >= 3 + jobs) return false;
    *subject = at == 0 ? 0 : at == 1 ? event->owner : at == 2 ? event->simulation : event->job + at - 3;
  } while (*subject == 0 && *step > 1);
  return true;
}

bool orr_feed_wants(const struct orr_feed *feed, const struct orr_feed_event *event) {
  for (int64_t step = 0, subject; next_subject(feed, event, &step, &subject);)
    if (find(*orr_feed_slot(feed, subject), subject, event)) return true;
  return false;
}

static void give(struct orr_feed_stream *stream, int64_t number, const char *text, size_t size) {
  if (orr_feed_expired(stream)) return;
  if (orr_respond_queued(stream->request) > ORR_FEED_MOST_QUEUED) {
    stream->number = number - 1;
    orr_feed_move(stream, ORR_FEED_FULL);
    return;
  }
  stream->feed->told += size;
  orr_respond_write(stream->request, text, size);
}

bool orr_feed_tell(struct orr_feed *feed, const struct orr_feed_event *event, const char *text, size_t size) {
  for (int64_t step = 0, subject; next_subject(feed, event, &step, &subject);) {
    struct orr_feed_stream *at = find(*orr_feed_slot(feed, subject), subject, event);
    while (at) {
      struct orr_feed_stream *after = at->next;
      give(at, event->number, text, size);
      at = find(after, subject, event);
    }
  }
  feed->number = event->number;
  orr_loop_leave(feed->loop, &feed->turn_ended);
  return feed->told < MUCH_AT_ONCE;
}

/* --- helping those behind --- */

const struct orr_feed_filter *orr_feed_behind(const struct orr_feed *feed, int64_t *number) {
  const struct orr_feed_stream *stream = feed->behind.first;
  if (!stream) return NULL;
  *number = stream->number;
  return &stream->filter;
}

bool orr_feed_fits(const struct orr_feed *feed, const struct orr_feed_event *event) {
  return fits(&feed->behind.first->filter, event);
}

void orr_feed_send(struct orr_feed *feed, const char *text, size_t size) {
  orr_respond_write(feed->behind.first->request, text, size);
}

void orr_feed_reached(struct orr_feed *feed, int64_t number) {
  struct orr_feed_stream *stream = feed->behind.first;
  if (!orr_feed_expired(stream)) orr_feed_settle(stream, number);
}

void orr_feed_drop(struct orr_feed *feed) { orr_feed_move(feed->behind.first, ORR_FEED_LEAVING); }

void orr_feed_end_if(struct orr_feed *feed,
                     bool (*over)(void *data, const struct orr_feed_filter *filter, int64_t permit),
                     void *data) {
  for (struct orr_feed_stream *at = feed->first; at; at = at->later)
    if (over(data, &at->filter, at->right.permit)) orr_feed_move(at, ORR_FEED_LEAVING);
}
