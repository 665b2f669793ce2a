#include "CCurl.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

static struct {
    int (*global_init)(long);
    ccurl_handle *(*easy_init)(void);
    void (*easy_cleanup)(ccurl_handle *);
    int (*easy_perform)(ccurl_handle *);
    int (*easy_setopt)(ccurl_handle *, int, ...);
    int (*easy_getinfo)(ccurl_handle *, int, ...);
    const char *(*easy_strerror)(int);
    ccurl_list *(*slist_append)(ccurl_list *, const char *);
    void (*slist_free_all)(ccurl_list *);
} curl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_loaded;

// Debian's other libcurls (-gnutls, -nss) have other names: this one uses OpenSSL, as we do.
static void load(void) {
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) return;
    bool all = true;
#define FIND(name) all &= (*(void **)&curl.name = dlsym(handle, "curl_" #name)) != 0;
    FIND(global_init) FIND(easy_init) FIND(easy_cleanup) FIND(easy_perform) FIND(easy_setopt) FIND(easy_getinfo)
    FIND(easy_strerror) FIND(slist_append) FIND(slist_free_all)
    // libcurl would write the keys of our connections, over which tokens go, into the file that this names, readable to all.
    unsetenv("SSLKEYLOGFILE");
    is_loaded = all && curl.global_init(3 /* CURL_GLOBAL_ALL */) == 0;
}

bool ccurl_load(void) {
    pthread_once(&once, load);
    return is_loaded;
}

ccurl_handle *ccurl_new(void) { return curl.easy_init(); }
void ccurl_free(ccurl_handle *handle) { curl.easy_cleanup(handle); }
int ccurl_perform(ccurl_handle *handle) { return curl.easy_perform(handle); }
int ccurl_set_number(ccurl_handle *handle, int option, long value) { return curl.easy_setopt(handle, option, value); }
int ccurl_set_text(ccurl_handle *handle, int option, const char *text) { return curl.easy_setopt(handle, option, text); }
int ccurl_set_pointer(ccurl_handle *handle, int option, const void *pointer) {
    return curl.easy_setopt(handle, option, pointer);
}
int ccurl_set_bytes(ccurl_handle *handle, int option, const void *bytes, size_t count) {
    struct { void *data; size_t len; unsigned int flags; } blob = {(void *)bytes, count, 1 /* CURL_BLOB_COPY */};
    return curl.easy_setopt(handle, option, &blob);
}
int ccurl_set_receiver(
    ccurl_handle *handle, int option, size_t (*receiver)(const char *bytes, size_t one, size_t count, void *to)) {
    return curl.easy_setopt(handle, option, receiver);
}
long ccurl_number(ccurl_handle *handle, int which) {
    long value = 0;
    curl.easy_getinfo(handle, which, &value);
    return value;
}
long long ccurl_long_number(ccurl_handle *handle, int which) {
    long long value = 0;
    curl.easy_getinfo(handle, which, &value);
    return value;
}
const char *ccurl_text(ccurl_handle *handle, int which) {
    const char *text = 0;
    curl.easy_getinfo(handle, which, &text);
    return text;
}
const char *ccurl_sentence(int number) { return curl.easy_strerror(number); }
ccurl_list *ccurl_append(ccurl_list *list, const char *line) { return curl.slist_append(list, line); }
void ccurl_free_list(ccurl_list *list) { curl.slist_free_all(list); }
