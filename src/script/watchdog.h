/* The watchdog ends Lua code that runs too long without waiting. It costs the running code nothing: a thread
   looks at every state some times a second and, when a slice is over, interrupts that state's thread with a
   signal whose handler sets a Lua hook, which then throws. (A count hook set from the start would slow all
   Lua code by half.) A hook stays set until the task is gone, so code that catches the error is thrown at
   again. What runs inside a C function, such as a pathological pattern match, cannot be interrupted so. */
#pragma once
#include "script/script.h"

struct orr_watchdog;

/* One per process, made before the first script and ended after the last. */
struct orr_watchdog *orr_watchdog_start(struct orr_err *err);
void orr_watchdog_stop(struct orr_watchdog *watchdog);

/* Both are called on the script's own thread; a NULL watchdog watches nothing. */
void orr_watchdog_add(struct orr_watchdog *watchdog, struct orr_script *script);
void orr_watchdog_remove(struct orr_watchdog *watchdog, struct orr_script *script);
