// libqrencode, loaded on first use and never linked: a beacon that shows no QR code does not need it.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// The longest side that `cqrencode_encode` writes: version 10 of the standard's 40.
enum { CQRENCODE_LONGEST_SIDE = 57 };

// Whether libqrencode is installed. The first call loads it, from any thread; nothing below may be called without it.
bool cqrencode_load(void);

// A text as a QR code that can still be read with 15 % of it missing (level M): its cells row by row, 1 for black, into
// `cells`, which must hold those of the longest side. Returns the side, or 0 if the text does not fit or memory is short.
// libqrencode's own copy is overwritten.
int cqrencode_encode(const char *text, uint8_t *cells);
