// libpng, loaded on first use and never linked: most values are shown on a screen.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether libpng is installed. The first call loads it, from any thread; nothing below may be called without it.
bool cpng_load(void);

// A picture of one byte a pixel, whose value is an index into a palette of three bytes a colour, as a PNG file in memory.
// `size` is the capacity of `file`, and is set to the length of the PNG file. False if the capacity is too small, and always
// if `file` is NULL.
bool cpng_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, const uint8_t *palette, uint32_t colours, void *file,
    size_t *size);
