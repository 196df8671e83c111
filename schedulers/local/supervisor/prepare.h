/* From a submission to what orr_launch needs: the attempt's directory, the script's file, arguments and
   environment. */
#pragma once
#include "supervisor/launch.h"
#include "supervisor/supervisor.h"

/* Fills `launch` with memory of `arena`. An error is the job's own. */
int orr_prepare(struct orr_supervisor *s, const struct orr_job *job, struct orr_arena *arena,
                struct orr_launch *launch, struct orr_err *err);
