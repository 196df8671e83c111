/* Where a stream of a feed is: among the live, which are found by what their filters name; in the queue of those behind, or of
   those that leave; or nowhere, while its client has yet to take what it was sent. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/feed_private.h"

enum { FIRST_SLOTS = 64 };

int64_t orr_feed_subject(const struct orr_feed_filter *filter) {
  if (filter->job) return filter->job;
  return filter->simulation ? filter->simulation : filter->owner;
}

struct orr_feed_stream **orr_feed_slot(const struct orr_feed *feed, int64_t subject) {
  uint64_t mixed = (uint64_t)subject * UINT64_C(0x9e3779b97f4a7c15);
  return &feed->slots[(mixed >> 32) & (feed->slot_count - 1)];
}

static void link_in(struct orr_feed_stream *stream, struct orr_feed_stream **link) {
  stream->next = *link;
  stream->link = link;
  if (stream->next) stream->next->link = &stream->next;
  *link = stream;
}

static void queue_up(struct orr_feed_queue *queue, struct orr_feed_stream *stream) {
  link_in(stream, queue->last);
  queue->last = &stream->next;
}

static struct orr_feed_queue *queue_of(struct orr_feed_stream *stream) {
  if (stream->place == ORR_FEED_BEHIND) return &stream->feed->behind;
  return stream->place == ORR_FEED_LEAVING ? &stream->feed->leaving : NULL;
}

void orr_feed_displace(struct orr_feed_stream *stream) {
  struct orr_feed_queue *queue = queue_of(stream);
  if (stream->place == ORR_FEED_LIVE && stream->filter.job) stream->feed->jobs--;
  if (queue && queue->last == &stream->next) queue->last = stream->link;
  if (!stream->link) return;
  *stream->link = stream->next;
  if (stream->next) stream->next->link = stream->link;
  stream->link = NULL;
}

static void put_in_slot(struct orr_feed_stream *stream) {
  link_in(stream, orr_feed_slot(stream->feed, orr_feed_subject(&stream->filter)));
}

void orr_feed_make_places(struct orr_feed *feed) {
  feed->behind.last = &feed->behind.first;
  feed->leaving.last = &feed->leaving.first;
  feed->slot_count = FIRST_SLOTS;
  feed->slots = orr_zalloc(feed->slot_count * sizeof *feed->slots);
}

void orr_feed_grow(struct orr_feed *feed) {
  if (feed->count <= feed->slot_count) return;
  free(feed->slots);
  feed->slot_count *= 2;
  feed->slots = orr_zalloc(feed->slot_count * sizeof *feed->slots);
  for (struct orr_feed_stream *at = feed->first; at; at = at->later)
    if (at->place == ORR_FEED_LIVE) put_in_slot(at);
}

void orr_feed_move(struct orr_feed_stream *stream, enum orr_feed_place place) {
  struct orr_feed *feed = stream->feed;
  if (stream->place == ORR_FEED_LEAVING) return;
  orr_feed_displace(stream);
  stream->place = place;
  if (place == ORR_FEED_LIVE) {
    if (stream->filter.job) feed->jobs++;
    put_in_slot(stream);
  } else if (place == ORR_FEED_FULL) {
    orr_respond_await(stream->request);
  } else {
    queue_up(queue_of(stream), stream);
    orr_loop_leave(feed->loop, &feed->turn_ended);
  }
}

void orr_feed_settle(struct orr_feed_stream *stream, int64_t number) {
  stream->number = number;
  if (orr_respond_queued(stream->request) > ORR_FEED_MOST_QUEUED)
    orr_feed_move(stream, ORR_FEED_FULL);
  else
    orr_feed_move(stream, number >= stream->feed->number ? ORR_FEED_LIVE : ORR_FEED_BEHIND);
}

bool orr_feed_expired(struct orr_feed_stream *stream) {
  if (!stream->right.expires_at || orr_wall_ms() < stream->right.expires_at) return false;
  orr_feed_move(stream, ORR_FEED_LEAVING);
  return true;
}
