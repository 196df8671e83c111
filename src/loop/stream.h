/* Byte streams on a loop: listening TCP sockets and their connections. Only this room knows libuv; http/
   speaks to streams. A stream lives on the heap; after orr_stream_close no callback but `closed` comes, and
   then it is gone. No callback is ever called from inside a function of this page. The program must ignore
   SIGPIPE: that a peer has gone is a code here. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "loop/loop.h"

struct orr_stream;

struct orr_stream_events {
  /* `bytes` is valid during the call and may be changed in place. */
  void (*data)(void *owner, char *bytes, size_t size);
  /* 0: the peer has finished sending, but may still read. Negative: the stream is broken, in either
     direction; nothing but orr_stream_close is left to do. Each comes at most once, in this order. */
  void (*end)(void *owner, int code);
  void (*drained)(void *owner); /* what had to be queued has reached the kernel */
  void (*closed)(void *owner);  /* the last call */
};

/* Binds and listens; host "::" or "127.0.0.1" or a name of this machine. Returns 0, a descriptor that several
   loops may accept from, and the port it got (for port 0). A taken address is ORR_BUSY, and says so in words.
 */
int orr_listen(const char *host, int port, int *out_fd, int *out_port, struct orr_err *err);

/* Accepts on a loop from a shared listening descriptor (a duplicate is taken). `accepted` makes the owner of
   a new stream by calling orr_stream_start on it, or closes it. */
struct orr_acceptor;
struct orr_acceptor *orr_acceptor_start(struct orr_loop *loop, int fd,
                                        void (*accepted)(void *data, struct orr_stream *stream), void *data,
                                        struct orr_err *err);
void orr_acceptor_stop(struct orr_acceptor *acceptor); /* NULL is legal */

void orr_stream_start(struct orr_stream *stream, const struct orr_stream_events *events, void *owner);
void orr_stream_pause(struct orr_stream *stream); /* no more data until resume; back-pressure to the peer */
void orr_stream_resume(struct orr_stream *stream);
/* Gathers a copy of the bytes: what was written in one turn of the loop leaves as one when the turn ends, or
   earlier, when it is more than 64 KiB. What the kernel does not take then is queued. False: some is queued,
   `drained` will come. On a broken stream the bytes vanish. */
bool orr_stream_write(struct orr_stream *stream, const void *bytes, size_t size);
size_t orr_stream_queued(const struct orr_stream *stream); /* bytes that the kernel would not take yet */
/* Tells the peer, behind what is queued, that no more will come. Reading goes on; writing is over. */
void orr_stream_finish(struct orr_stream *stream);
void orr_stream_peer(const struct orr_stream *stream, char *out, size_t room); /* "127.0.0.1:4711" */
void orr_stream_close(struct orr_stream *stream);                              /* what is queued is dropped */
void orr_stream_reset(struct orr_stream *stream); /* closes so that the peer sees an error, not an end */
