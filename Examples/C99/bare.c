/* A link on a bare microcontroller: only compiled, to show that the header needs no C library and how large it is. The functions that
 * are declared here are the board's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "srup_proof_link.h"

bool board_hmac(
    void *context, const uint8_t *key, size_t key_count, const uint8_t *message, size_t count, uint8_t tag[SRUP_LINK_TAG_SIZE]);
size_t board_sign(void *context, const uint8_t *message, size_t count, uint8_t *signature, size_t capacity);
bool board_random(void *context, uint8_t *bytes, size_t count);
void board_send(const uint8_t *frame, size_t count);
void board_disconnect(void);

bool link_begin(uint64_t device, uint64_t server, uint64_t beacon);
void link_received(const uint8_t *packet, size_t count);
void link_value(const uint8_t *plain, size_t count);

/* All memory of a link. The Arm build prints the size of each. */
srup_link link_state;
uint8_t link_signature[256]; /* a key of 2,048 bits */
uint8_t link_frame[SRUP_LINK_OUTPUT_SIZE];

static const srup_link_hooks hooks = {board_hmac, board_sign, board_random, NULL};

/* Sends what is due, and closes a link that is over. */
static void answer(void) {
    size_t count = 0;
    while ((count = srup_link_next(&link_state, link_frame, sizeof link_frame)) > 0) board_send(link_frame, count);
    if (srup_link_is_over(&link_state)) board_disconnect();
}

/* LE has connected. */
bool link_begin(uint64_t device, uint64_t server, uint64_t beacon) {
    const srup_link_parties parties = {device, server, beacon, SRUP_LINK_LE, SRUP_LINK_MODE_KEYED | SRUP_LINK_MODE_CHALLENGE};
    return srup_link_init(&link_state, &parties, &hooks, link_signature, sizeof link_signature);
}

/* A packet has arrived over LE. */
void link_received(const uint8_t *packet, size_t count) {
    srup_link_receive(&link_state, packet, count);
    answer();
}

/* The plain text of the server's sealed value has arrived. */
void link_value(const uint8_t *plain, size_t count) {
    uint8_t value[SRUP_LINK_VALUE_SIZE];
    if (srup_link_read_value(plain, count, value)) srup_link_take_value(&link_state, value);
    srup_link_clear(value, sizeof value);
    answer();
}
