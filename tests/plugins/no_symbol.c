/* A shared object that is no plug-in: it lacks the symbol orrery_plugin. */
#include <orrery/plugin.h>

ORRERY_API int something_else(void);
ORRERY_API int something_else(void) { return 1; }
