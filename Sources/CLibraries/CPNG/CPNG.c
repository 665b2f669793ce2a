#include "CPNG.h"
#include <dlfcn.h>
#include <png.h>
#include <pthread.h>

static __typeof__(png_image_write_to_memory) *write_to_memory;
static __typeof__(png_image_free) *image_free;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_loaded;

static void load(void) {
    void *handle = dlopen("libpng16.so.16", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    *(void **)&write_to_memory = dlsym(handle, "png_image_write_to_memory");
    *(void **)&image_free = dlsym(handle, "png_image_free");
    is_loaded = write_to_memory && image_free;
}

bool cpng_load(void) {
    pthread_once(&once, load);
    return is_loaded;
}

bool cpng_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, const uint8_t *palette, uint32_t colours, void *file,
    size_t *size) {
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = width,
        .height = height,
        .format = PNG_FORMAT_RGB_COLORMAP,
        .colormap_entries = colours,
    };
    png_alloc_size_t length = *size;
    bool is_done = write_to_memory(&image, file, &length, 0, pixels, (int32_t)width, palette) != 0;
    image_free(&image);
    *size = length;
    return is_done && file;
}
