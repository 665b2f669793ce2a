#include "CSystemBus.h"
#include <dlfcn.h>
#include <pthread.h>

#define POINTER(type, name, parameters, arguments) type(*name) parameters;
static struct {
    CSYSTEMBUS_FUNCTIONS(POINTER)
} library;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_loaded;

// It stays loaded: unloading a library that may have left something of its own in this process gains little.
static void load(void) {
    void *handle = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) return;
    bool all = true;
#define FIND(type, name, parameters, arguments) all &= (*(void **)&library.name = dlsym(handle, "sd_bus_" #name)) != 0;
    CSYSTEMBUS_FUNCTIONS(FIND)
    is_loaded = all;
}

bool csystembus_load(void) {
    pthread_once(&once, load);
    return is_loaded;
}

#define CALL(type, name, parameters, arguments)                                                                        \
    type csystembus_##name parameters { return library.name arguments; }
CSYSTEMBUS_FUNCTIONS(CALL)
