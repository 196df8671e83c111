/* `require` for Lua plug-ins of more than one file. */
#pragma once
#include "script/script.h"

/* From now on the script's plug-in may require "NAME", in which dots are folders: NAME.lua in the folder of the plug-in's
   own file, or else in the other. Each is run once, in the sandbox. */
void orr_plugin_require_from(struct orr_script *script, const char *plugin_path, const char *bundled);
