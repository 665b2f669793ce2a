// libinih: the configuration file's parser (decisions/0004).
#pragma once
#include <ini.h>
