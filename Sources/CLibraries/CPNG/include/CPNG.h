// libpng, loaded when a file is first wanted and never linked: most who show a value show it on a screen.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether libpng is there. The first call loads it, from any thread; nothing below may be called without it.
bool cpng_load(void);

// A picture of one byte a pixel, whose value is a place in a palette of three bytes a colour, as a PNG file in memory.
// `size` is how much room `file` has, and becomes what the file takes. False where there is too little room, and always
// where `file` is NULL.
bool cpng_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, const uint8_t *palette, uint32_t colours, void *file,
    size_t *size);
