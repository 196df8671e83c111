/* What the plug-in and the supervisor say to each other over the supervisor's socket: frames, each a fixed
   head and a body of values (wire.h). The head and the meaning of RETIRE are frozen, so that any plug-in can
   ask a supervisor of another age to make room for its own. A supervisor that is asked to executes the
   successor in its own process: SUCCESSOR --successor DIRECTORY, descriptor 3 being the lock, frozen as well.

     from        kind      body                                               answer
     plug-in     HELLO     {settings {cores, kill_grace, linger}, since}      HELLO, empty
     plug-in     REQUEST   {verb, items […], name}                            REPLY, a list with a report an
   item plug-in     RETIRE    {successor}: the program that is to take over      the connection ends
     supervisor  CHANGED   a list of native ids whose state has changed
     supervisor  REFUSED   empty: HELLO or REQUEST of another protocol

   Every frame of the supervisor tells how many of its jobs are live and what time it was: a plug-in whose
   supervisor died knows by the first that it must start another, and gives the second as `since` to hear
   what it may have missed. */
#pragma once
#include <stdint.h>

enum { ORR_PROTOCOL = 1, ORR_FRAME_MAX = 16 << 20 };
#define ORR_SOCKET_NAME "socket" /* in the state directory */

enum orr_frame_kind {
  ORR_FRAME_HELLO = 1,
  ORR_FRAME_REQUEST,
  ORR_FRAME_RETIRE,
  ORR_FRAME_REPLY,
  ORR_FRAME_CHANGED,
  ORR_FRAME_REFUSED
};

struct orr_frame {
  uint32_t size; /* of the body */
  uint16_t protocol, kind;
  uint32_t call; /* a reply repeats its request's */
  uint32_t live; /* jobs that have not ended */
  int64_t at;    /* wall time, ms */
};
_Static_assert(sizeof(struct orr_frame) == 24, "the head of a frame is frozen");
