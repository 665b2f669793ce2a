// libqrencode, loaded when a QR code is first wanted and never linked: a beacon that shows none does not carry it.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// The longest side that `cqrencode_encode` writes: version 6 of the standard's 40.
enum { CQRENCODE_LONGEST_SIDE = 41 };

// Whether libqrencode is there. The first call loads it, from any thread; nothing below may be called without it.
bool cqrencode_load(void);

// A text as a QR code that can still be read with 15 % of it gone (level M): its cells row by row, 1 for black, into
// `cells`, which has room for the longest side's. Its side, or 0 where the text does not fit or memory is short.
// libqrencode's own copy is overwritten.
int cqrencode_encode(const char *text, uint8_t *cells);
