#include "CQRencode.h"
#include <dlfcn.h>
#include <pthread.h>
#include <qrencode.h>
#include <string.h>

static __typeof__(QRcode_encodeString) *encode_string;
static __typeof__(QRcode_free) *free_code;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_loaded;

static void load(void) {
    void *handle = dlopen("libqrencode.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    *(void **)&encode_string = dlsym(handle, "QRcode_encodeString");
    *(void **)&free_code = dlsym(handle, "QRcode_free");
    is_loaded = encode_string && free_code;
}

bool cqrencode_load(void) {
    pthread_once(&once, load);
    return is_loaded;
}

int cqrencode_encode(const char *text, uint8_t *cells) {
    const int any_version = 0, case_counts = 1;
    QRcode *code = encode_string(text, any_version, QR_ECLEVEL_M, QR_MODE_8, case_counts);
    if (!code) return 0;
    const int side = code->width <= CQRENCODE_LONGEST_SIDE ? code->width : 0;
    for (int cell = 0; cell < side * side; cell++) cells[cell] = code->data[cell] & 1;  // the other bits say what it is for
    explicit_bzero(code->data, (size_t)code->width * (size_t)code->width);
    free_code(code);
    return side;
}
