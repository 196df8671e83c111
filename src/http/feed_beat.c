/* Heartbeats of a feed's streams: an id without data, which moves a client's last event id on though its filter lets nothing
   through. The streams stand in line for theirs, so that many that were opened at once are not written to at once. */
#include <stdio.h>

#include "http/feed_private.h"

enum {
  BEATS = 32, /* so many looks for due heartbeats in the time between two of one stream */
  SHORTEST_LOOK_MS = 10,
};

void orr_feed_line_up(struct orr_feed_stream *stream) {
  struct orr_feed *feed = stream->feed;
  stream->due = orr_loop_now(feed->loop) + feed->heartbeat_ms;
  stream->earlier = feed->last;
  stream->later = NULL;
  *(feed->last ? &feed->last->later : &feed->first) = stream;
  feed->last = stream;
}

void orr_feed_step_out(struct orr_feed_stream *stream) {
  struct orr_feed *feed = stream->feed;
  *(stream->earlier ? &stream->earlier->later : &feed->first) = stream->later;
  *(stream->later ? &stream->later->earlier : &feed->last) = stream->earlier;
}

static void beat(struct orr_feed_stream *stream) {
  char text[40];
  int64_t number = stream->number;
  if (stream->place == ORR_FEED_LIVE && number < stream->feed->number) number = stream->feed->number;
  if (orr_feed_expired(stream) || stream->place == ORR_FEED_FULL || stream->place == ORR_FEED_LEAVING) return;
  int size = snprintf(text, sizeof text, "id: %lld\n\n", (long long)number);
  orr_respond_write(stream->request, text, (size_t)size);
}

static void look_for_due(void *data) {
  struct orr_feed *feed = data;
  long long now = orr_loop_now(feed->loop);
  for (struct orr_feed_stream *stream; (stream = feed->first) && stream->due <= now;) {
    orr_feed_step_out(stream);
    orr_feed_line_up(stream);
    beat(stream);
  }
}

void orr_feed_look_on(struct orr_feed *feed) {
  long long pause = feed->heartbeat_ms / BEATS;
  if (pause < SHORTEST_LOOK_MS) pause = SHORTEST_LOOK_MS;
  feed->look = orr_timer_start(feed->loop, pause, pause, look_for_due, feed);
}

void orr_feed_look_no_more(struct orr_feed *feed) {
  orr_timer_stop(feed->look);
  feed->look = NULL;
}
