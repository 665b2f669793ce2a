/* What the vectors do not show of srup_proof_link.h: bounds, hooks that fail, memory. Built with the address and the undefined-behaviour
 * sanitizer; blocks have exactly the size that the header is told, so that a byte too many is found.
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L
#include "openssl_hooks.h"
#include "sockets.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- A device and the beacon's frames ------------------------------------------------------------------------------------ */

enum { SIGNATURE_SIZE = 256 };

/* The context of the hooks: how often they were called, which call alone fails, and what signing returns. */
typedef struct {
    unsigned calls, failing;
    size_t signature_count;
} board;

static const uint8_t value[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const uint64_t device_id = 0xa1a2a3a4a5a6a7a8, server_id = 0xc200000000000001, beacon_id = 0x0102030405060708;
static int failures;

static void expect(bool holds, const char *what) {
    if (holds) return;
    failures++;
    printf("    not so: %s\n", what);
}
#define EXPECT(condition) expect(condition, #condition)

static bool works(board *own) { return own->calls++ != own->failing; }

static bool hmac(
    void *context, const uint8_t *key, size_t key_count, const uint8_t *message, size_t count, uint8_t tag[SRUP_LINK_TAG_SIZE]) {
    return works(context) && openssl_hmac(NULL, key, key_count, message, count, tag);
}

/* The page's device nonce. */
static bool nonce(void *context, uint8_t *bytes, size_t count) {
    for (size_t at = 0; at < count; at++) bytes[at] = (uint8_t)(0x40 + at);
    return works(context);
}

static size_t sign(void *context, const uint8_t *message, size_t count, uint8_t *signature, size_t capacity) {
    board *own = context;
    expect(count == SRUP_LINK_MESSAGE_SIZE && memcmp(message, "SRUP proof link keyed signature", 31) == 0, "the signed bytes are the page's");
    for (size_t at = 0; at < own->signature_count && at < capacity; at++) signature[at] = (uint8_t)at;
    return works(own) ? own->signature_count : 0;
}

static board able(void) {
    const board own = {0, UINT_MAX, SIGNATURE_SIZE};
    return own;
}

static srup_link_hooks hooks_of(board *own) {
    const srup_link_hooks hooks = {hmac, sign, nonce, own};
    return hooks;
}

static srup_link_parties parties_of(uint8_t modes, srup_link_transport transport) {
    const srup_link_parties parties = {device_id, server_id, beacon_id, transport, modes};
    return parties;
}

/* A block of exactly these bytes. */
static uint8_t *block(const uint8_t *bytes, size_t count) {
    uint8_t *made = malloc(count > 0 ? count : 1);
    if (made == NULL) abort();
    if (bytes != NULL) memcpy(made, bytes, count);
    return made;
}

static void receive(srup_link *link, const uint8_t *bytes, size_t count) {
    uint8_t *copy = block(bytes, count);
    srup_link_receive(link, copy, count);
    free(copy);
}

static size_t hello(uint8_t *bytes, uint8_t modes) {
    static const uint8_t start[12] = {1, 0, 26, 1, 0, 1, 2, 3, 4, 5, 6, 7};
    memcpy(bytes, start, sizeof start);
    bytes[4] = modes;
    bytes[12] = 8;
    for (size_t at = 0; at < 16; at++) bytes[13 + at] = (uint8_t)(0x10 + at);
    return 29;
}

static size_t challenge(uint8_t *bytes) {
    bytes[0] = 4;
    bytes[1] = 0;
    bytes[2] = 32;
    for (size_t at = 0; at < 32; at++) bytes[3 + at] = (uint8_t)(0x20 + at);
    return 35;
}

/* All that is due, each frame in a block of `capacity` bytes. Returns how many bytes; the frames in their order are in `all`. */
static size_t drain(srup_link *link, size_t capacity, uint8_t all[1024]) {
    size_t count = 0, sum = 0;
    do {
        uint8_t *frame = block(NULL, capacity);
        count = srup_link_next(link, frame, capacity);
        expect(count <= capacity, "a frame fits into its buffer");
        if (sum + count <= 1024) memcpy(all + sum, frame, count);
        sum += count;
        free(frame);
    } while (count > 0);
    return sum;
}

/* --- Tests --------------------------------------------------------------------------------------------------------------- */

static void joined(void) {
    static const uint8_t tag[4] = {0xd0, 0xe7, 0x5e, 0xa0};
    uint8_t bytes[64], all[1024];
    board own = able();
    const srup_link_hooks hooks = hooks_of(&own);
    const srup_link_parties parties = parties_of(SRUP_LINK_MODE_CHALLENGE, SRUP_LINK_LOCAL);
    srup_link *link = (srup_link *)(void *)block(NULL, sizeof *link);
    EXPECT(srup_link_init(link, &parties, &hooks, NULL, 0));
    srup_link_take_value(link, value);
    receive(link, bytes, hello(bytes, 2) + challenge(bytes + 29));
    EXPECT(drain(link, SRUP_LINK_OUTPUT_MINIMUM, all) == 79);
    EXPECT(all[0] == 2 && all[12] == 5 && memcmp(all + 12 + 35, tag, sizeof tag) == 0);
    EXPECT(link->state == SRUP_LINK_PROVING);
    free(link);
}

static void puts_what_fits(void) {
    static const uint8_t bytes[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    for (size_t capacity = 0; capacity <= sizeof bytes; capacity++)
        for (size_t count = 0; count <= sizeof bytes; count++) {
            uint8_t *target = block(NULL, capacity);
            srup_link_buffer buffer = {target, capacity, 0, true};
            srup_link_put(&buffer, bytes, count);
            EXPECT(buffer.fits == (count <= capacity) && buffer.count == (buffer.fits ? count : 0));
            srup_link_put(&buffer, bytes, sizeof bytes - count);
            EXPECT(buffer.count <= capacity && buffer.fits == (capacity == sizeof bytes));
            free(target);
        }
}

/* A keyed link for which everything is due at once, whose frames go into blocks of `capacity`. */
static size_t everything(size_t capacity, size_t signature, uint8_t all[1024]) {
    uint8_t bytes[64], *buffer = block(NULL, signature);
    board own = able();
    own.signature_count = signature;
    const srup_link_hooks hooks = hooks_of(&own);
    const srup_link_parties parties = parties_of(SRUP_LINK_MODE_KEYED, SRUP_LINK_LOCAL);
    srup_link link;
    EXPECT(srup_link_init(&link, &parties, &hooks, buffer, signature));
    receive(&link, bytes, hello(bytes, 4));
    srup_link_take_value(&link, value);
    receive(&link, bytes, challenge(bytes));
    EXPECT(link.state == SRUP_LINK_PROVING);
    const size_t count = drain(&link, capacity, all);
    EXPECT(capacity < SRUP_LINK_OUTPUT_MINIMUM ? link.due != 0 : link.due == 0);
    free(buffer);
    return count;
}

static void capacities(void) {
    static const size_t signatures[] = {1, 62, 63, 64, 128, 256, 384, 512};
    uint8_t all[1024];
    for (size_t capacity = 0; capacity <= 200; capacity++)
        for (size_t at = 0; at < sizeof signatures / sizeof signatures[0]; at++) {
            const size_t size = capacity < SRUP_LINK_OUTPUT_SIZE ? capacity : SRUP_LINK_OUTPUT_SIZE, room = size > 4 ? size - 4 : 1;
            const size_t pieces = (signatures[at] + room - 1) / room, claims = 40, proof = 67;
            const size_t wanted = capacity < SRUP_LINK_OUTPUT_MINIMUM ? 0 : claims + proof + signatures[at] + 4 * pieces;
            EXPECT(everything(capacity, signatures[at], all) == wanted);
        }
}

static void failing_hooks(void) {
    uint8_t bytes[64], all[1024], signature[SIGNATURE_SIZE];
    const srup_link_parties parties = parties_of(SRUP_LINK_MODE_KEYED, SRUP_LINK_LOCAL);
    /* Calls 0 and 1 are for CLAIM, 2 to 4 for PROOF (random bytes, two HMACs), 5 for SIGN, 6 to 9 for OUTCOME. */
    for (unsigned failing = 0; failing <= 10; failing++) {
        board own = {0, failing, SIGNATURE_SIZE};
        const srup_link_hooks hooks = hooks_of(&own);
        const bool is_able = failing == 10;
        const size_t claim = 20, proof = 67, signature_frames = 256 + 4 * 3;
        uint8_t outcome[36] = {7, 0, 33, 0x6F};
        srup_link link;
        EXPECT(srup_link_init(&link, &parties, &hooks, signature, sizeof signature));
        srup_link_take_value(&link, value);
        receive(&link, bytes, hello(bytes, 4));
        size_t sent = drain(&link, 128, all);
        receive(&link, bytes, challenge(bytes));
        sent += drain(&link, 128, all);
        receive(&link, outcome, sizeof outcome);
        EXPECT(link.state == (is_able ? SRUP_LINK_ENDED : SRUP_LINK_LEFT));
        EXPECT(link.reason == (is_able ? SRUP_LINK_NO_REASON : SRUP_LINK_FAILED));
        EXPECT(sent == (failing < 2 ? 0 : claim + (failing < 5 ? 0 : proof + (failing < 6 ? 0 : signature_frames))));
    }
}

static void long_signature(void) {
    static const size_t wrong[] = {0, SIGNATURE_SIZE + 1, SRUP_LINK_SIGNATURE_MAXIMUM + 1, SIZE_MAX};
    uint8_t bytes[64], all[1024];
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        uint8_t *buffer = block(NULL, SIGNATURE_SIZE);
        board own = able();
        own.signature_count = wrong[at];
        const srup_link_hooks hooks = hooks_of(&own);
        const srup_link_parties parties = parties_of(SRUP_LINK_MODE_KEYED, SRUP_LINK_LOCAL);
        srup_link link;
        EXPECT(srup_link_init(&link, &parties, &hooks, buffer, SIGNATURE_SIZE));
        srup_link_take_value(&link, value);
        receive(&link, bytes, hello(bytes, 4) + challenge(bytes + 29));
        EXPECT(drain(&link, SRUP_LINK_OUTPUT_SIZE, all) == 20 + 67);
        EXPECT(link.state == SRUP_LINK_LEFT && link.reason == SRUP_LINK_FAILED);
        free(buffer);
    }
}

static void impossible(void) {
    uint8_t signature[SIGNATURE_SIZE];
    board own = able();
    const srup_link_hooks hooks = hooks_of(&own);
    srup_link_hooks lacking = hooks;
    srup_link link;
    static const bool possible[9] = {false, true, true, false, true, false, true, false, false};
    for (uint8_t modes = 0; modes < 9; modes++) {
        const srup_link_parties parties = parties_of(modes, SRUP_LINK_LE);
        EXPECT(srup_link_init(&link, &parties, &hooks, signature, sizeof signature) == possible[modes]);
    }
    srup_link_parties parties = parties_of(SRUP_LINK_MODE_KEYED, SRUP_LINK_LE);
    EXPECT(!srup_link_init(&link, &parties, &hooks, NULL, 0));
    EXPECT(!srup_link_init(&link, &parties, &hooks, signature, 0));
    lacking.sign = NULL;
    EXPECT(!srup_link_init(&link, &parties, &lacking, signature, sizeof signature));
    lacking = hooks;
    lacking.random = NULL;
    EXPECT(!srup_link_init(&link, &parties, &lacking, signature, sizeof signature));
    EXPECT(srup_link_is_over(&link));
    parties.beacon = 0;
    EXPECT(!srup_link_init(&link, &parties, &hooks, signature, sizeof signature));
    receive(&link, signature, 1);
    EXPECT(srup_link_next(&link, signature, sizeof signature) == 0);
}

static void plain_texts(void) {
    static const char digits[] = "000102030405060708090a0B0c0D0e0f";
    uint8_t text[33], read[16];
    memcpy(text, digits, 32);
    EXPECT(srup_link_read_value(text, 32, read) && memcmp(read, value, 16) == 0);
    EXPECT(srup_link_read_value(value, 16, read) && memcmp(read, value, 16) == 0);
    for (size_t count = 0; count <= 33; count++)
        if (count != 16 && count != 32) EXPECT(!srup_link_read_value(text, count, read));
    for (unsigned byte = 0; byte < 256; byte++) {
        text[7] = (uint8_t)byte;
        const bool is_digit = byte != 0 && strchr("0123456789abcdefABCDEF", (int)byte) != NULL;
        EXPECT(srup_link_read_value(text, 32, read) == is_digit);
    }
}

static void wiped(void) {
    uint8_t bytes[64], all[1024], nothing[sizeof(srup_link)] = {0};
    board own = able();
    const srup_link_hooks hooks = hooks_of(&own);
    const srup_link_parties parties = parties_of(SRUP_LINK_MODE_CHALLENGE, SRUP_LINK_LOCAL);
    srup_link link;
    EXPECT(srup_link_init(&link, &parties, &hooks, NULL, 0));
    srup_link_take_value(&link, value);
    receive(&link, bytes, hello(bytes, 2) + challenge(bytes + 29));
    drain(&link, SRUP_LINK_OUTPUT_SIZE, all);
    srup_link_wipe(&link);
    EXPECT(memcmp(&link, nothing, sizeof link) == 0);
}

static void times(void) {
    static const uint8_t wait[5] = {3, 0, 2, 0, 120};
    uint8_t bytes[64];
    board own = able();
    const srup_link_hooks hooks = hooks_of(&own);
    const srup_link_parties parties = parties_of(SRUP_LINK_MODE_CHALLENGE, SRUP_LINK_LOCAL);
    srup_link link;
    EXPECT(srup_link_init(&link, &parties, &hooks, NULL, 0));
    EXPECT(srup_link_phase(&link) == 0 && srup_link_time_limit(&link, false) == 5000);
    receive(&link, bytes, hello(bytes, 2));
    EXPECT(srup_link_phase(&link) == 1 && srup_link_time_limit(&link, false) == 5000);
    receive(&link, wait, sizeof wait);
    EXPECT(srup_link_phase(&link) == 1 && srup_link_time_limit(&link, false) == 30000);
    EXPECT(srup_link_time_limit(&link, true) == 5000);
    receive(&link, bytes, challenge(bytes));
    EXPECT(srup_link_phase(&link) == 2 && srup_link_time_limit(&link, true) == 15000);
    srup_link_take_value(&link, value);
    EXPECT(srup_link_phase(&link) == 2);
    receive(&link, bytes, 1);
    EXPECT(link.state == SRUP_LINK_PROVING);
    receive(&link, wait, sizeof wait);
    EXPECT(link.state == SRUP_LINK_LEFT && srup_link_phase(&link) == 3);
}

static void sizes(void) {
    EXPECT(sizeof(srup_link) <= 300);
}

static void many_waits(void) {
    static const uint8_t wait[5] = {3, 0, 2, 0xFF, 0xFE};
    uint8_t bytes[64];
    board own = able();
    const srup_link_hooks hooks = hooks_of(&own);
    const srup_link_parties parties = parties_of(SRUP_LINK_MODE_CHALLENGE, SRUP_LINK_RFCOMM);
    srup_link link;
    EXPECT(srup_link_init(&link, &parties, &hooks, NULL, 0));
    receive(&link, bytes, hello(bytes, 2));
    for (int count = 0; count < 70000; count++) srup_link_receive(&link, wait, sizeof wait);
    EXPECT(link.waits == UINT16_MAX && link.wait_seconds == 0xFFFE && link.state == SRUP_LINK_READY);
}

/* SIGALRM ends the program if the call waits. */
static void empty_packet(void) {
    int ends[2];
    uint8_t bytes[256];
    expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "a pair of sockets");
    expect(send(ends[1], "", 0, 0) == 0, "an empty packet is sent");
    alarm(10);
    expect(read_link(ends[0], bytes, sizeof bytes) <= 0, "nothing is read");
    alarm(0);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    static const struct {
        const char *sentence;
        void (*test)(void);
    } tests[] = {
        {"HELLO and CHALLENGE in one piece, with the value known: 79 bytes are sent, and no buffer overflows", joined},
        {"bytes that do not fit into a buffer are not written, nor is anything after them", puts_what_fits},
        {"whatever the buffer's size, no frame is longer, and a buffer that is too short costs nothing", capacities},
        {"whichever call of a hook fails, the link is left, and nothing that needs it is sent", failing_hooks},
        {"a signature that does not fit its buffer is not sent", long_signature},
        {"no link begins without what it needs", impossible},
        {"the plain text of a value is 16 bytes or 32 digits, and nothing else", plain_texts},
        {"a wiped link holds nothing", wiped},
        {"the time limits are the page's", times},
        {"a link needs at most 300 bytes", sizes},
        {"WAITs are counted up to 65,535", many_waits},
        {"an empty packet is not waited behind", empty_packet},
    };
    const int count = (int)(sizeof tests / sizeof tests[0]);
    for (int at = 0; at < count; at++) {
        const int before = failures;
        tests[at].test();
        if (failures > before) printf("FAILED: %s\n", tests[at].sentence);
    }
    printf("tests: %d, %d expectations failed; a link has %zu bytes here\n", count, failures, sizeof(srup_link));
    return failures > 0;
}
