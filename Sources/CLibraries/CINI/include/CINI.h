// libinih: the configuration file's parser (decisions/0004).
#pragma once
#include <stdbool.h>
#include <ini.h>

// libinih's settings are global variables, which Swift 6 does not let us write: lines of up to `longest` bytes on the
// heap, and no values that continue on the next line.
static inline void cini_configure(int longest) {
    ini_use_stack = false;
    ini_max_line = longest;
    ini_initial_alloc = longest;  // else lines are cut at 200 bytes, and nobody is told
    ini_allow_multiline = false;
}
