/* srup_proof_link.h: the device's end of one proof link, version 1 (docs/proof-link.md), in C99.
 *
 * SPDX-License-Identifier: MIT
 *
 * Bytes in, bytes out: there is no socket, no clock, no allocation and no global state in it, and it needs no C library. A link is
 * one srup_link (about 250 bytes) and, in keyed mode, a buffer for the signature (as long as the key's modulus, 256 bytes for 2,048
 * bits). Nothing else is kept; the deepest call needs less than 500 bytes of stack besides what the hooks need.
 *
 *     srup_link_init(&link, &parties, &hooks, signature, sizeof signature);
 *     srup_link_take_value(&link, value);                      when the server has sent it: before HELLO or later
 *     srup_link_receive(&link, bytes, count);                  what came from the beacon, in any pieces
 *     while ((count = srup_link_next(&link, frame, sizeof frame)) > 0) { send these count bytes }
 *     ... until srup_link_is_over(&link); then close, and srup_link_wipe(&link)
 *
 * Call srup_link_next until it returns 0 after each srup_link_receive and each srup_link_take_value, and send each frame before the
 * next call: the beacon measures the time from CHALLENGE to PROOF, and the call after PROOF makes the signature.
 *
 * What a device does after a link, and how long it waits, is the caller's: see srup_link_time_limit and the page, "What a device
 * makes of it".
 */
#ifndef SRUP_PROOF_LINK_H
#define SRUP_PROOF_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SRUP_LINK_VALUE_SIZE = 16,        /* bytes of the server's value */
    SRUP_LINK_TAG_SIZE = 32,          /* bytes of an HMAC-SHA-256, and of K(word) */
    SRUP_LINK_INPUT_SIZE = 36,        /* the longest frame from a beacon: the MTU that a device needs for receiving */
    SRUP_LINK_OUTPUT_MINIMUM = 67,    /* PROOF: the shortest buffer that srup_link_next takes */
    SRUP_LINK_OUTPUT_SIZE = 132,      /* SIGN: the longest frame to a beacon */
    SRUP_LINK_MESSAGE_SIZE = 171,     /* the longest message that a hook is given */
    SRUP_LINK_SIGNATURE_MAXIMUM = 2048 /* bytes of a signature; a beacon refuses more */
};

/* The device's modes. Value mode stands alone: a device never falls back to it. */
enum {
    SRUP_LINK_MODE_VALUE = 1,
    SRUP_LINK_MODE_CHALLENGE = 2,
    SRUP_LINK_MODE_KEYED = 4
};

/* How the link was made. Local and RFCOMM are streams; on L2CAP and LE one frame is one packet. */
typedef enum {
    SRUP_LINK_LOCAL = 0,
    SRUP_LINK_RFCOMM = 1,
    SRUP_LINK_L2CAP = 2,
    SRUP_LINK_LE = 3
} srup_link_transport;

typedef enum {
    SRUP_LINK_HELLO,      /* waits for HELLO */
    SRUP_LINK_READY,      /* READY is due or sent; waits for CHALLENGE */
    SRUP_LINK_UNCLAIMED,  /* CLAIM without a value is due or sent; waits for the value */
    SRUP_LINK_CLAIMED,    /* CLAIM is due or sent; waits for CHALLENGE */
    SRUP_LINK_CHALLENGED, /* CHALLENGE has been received; waits for the value */
    SRUP_LINK_PROVING,    /* PROOF or VALUE is due or sent; waits for OUTCOME */
    SRUP_LINK_ENDED,      /* OUTCOME has been received: see status and is_tagged */
    SRUP_LINK_LEFT        /* the device leaves the link: see reason */
} srup_link_state;

/* Why a device leaves a link. Nothing of it comes from a node that is known to hold the value: the device tries again. */
typedef enum {
    SRUP_LINK_NO_REASON,
    SRUP_LINK_MALFORMED, /* bytes that are not a frame of a beacon */
    SRUP_LINK_TURN,      /* a frame that may not come now */
    SRUP_LINK_VERSION,   /* HELLO has another version */
    SRUP_LINK_MODES,     /* HELLO offers none of the device's modes */
    SRUP_LINK_BEACON,    /* HELLO is from another beacon than the one that the join names */
    SRUP_LINK_ROGUE,     /* valid without the tag of the value: not the beacon's */
    SRUP_LINK_FAILED     /* a hook has failed, or the signature does not fit its buffer */
} srup_link_reason;

/* What the caller supplies. `context` is given to each of them as it is. Messages have at most SRUP_LINK_MESSAGE_SIZE bytes. */
typedef struct {
    /* HMAC-SHA-256; keys have 16 or 32 bytes. False: it could not be made. */
    bool (*hmac)(
        void *context, const uint8_t *key, size_t key_count, const uint8_t *message, size_t count,
        uint8_t tag[SRUP_LINK_TAG_SIZE]);
    /* RSASSA-PKCS1-v1_5 with SHA-256 by the device's identity key. Returns the bytes of the signature, at most `capacity`; 0: it could
     * not be made. NULL without keyed mode. */
    size_t (*sign)(void *context, const uint8_t *message, size_t count, uint8_t *signature, size_t capacity);
    /* Bytes that nobody can predict. False: there are none. NULL with value mode. */
    bool (*random)(void *context, uint8_t *bytes, size_t count);
    void *context;
} srup_link_hooks;

/* Who speaks with whom. Identifiers are numbers: their byte order on the link is not the caller's concern. */
typedef struct {
    uint64_t device;
    uint64_t server; /* whose value it is */
    uint64_t beacon; /* the one that the join request names; not 0 */
    srup_link_transport transport;
    uint8_t modes; /* SRUP_LINK_MODE_VALUE, or CHALLENGE, KEYED or both: keyed is used where HELLO offers it */
} srup_link_parties;

/* One link. The caller reads state, status, is_tagged, reason, waits and wait_seconds, and changes nothing. */
typedef struct {
    const srup_link_hooks *hooks;
    uint8_t *signature;
    size_t signature_capacity, signature_count, signature_sent;
    srup_link_state state;
    srup_link_reason reason;
    uint16_t waits;        /* WAITs received; it stays at 65,535 */
    uint16_t wait_seconds; /* of the last one */
    uint8_t status;        /* of OUTCOME */
    bool is_tagged;        /* OUTCOME is from a node that holds the value */
    bool has_value;
    uint8_t modes;         /* the device's */
    uint8_t mode;          /* the one in use */
    uint8_t due;           /* frames that the device must send, as bits in their order */
    uint8_t input_count;
    uint8_t input[SRUP_LINK_INPUT_SIZE];
    uint8_t prefix[44];    /* version, modes offered, mode, link nonce, beacon, device, server, transport */
    uint8_t value[SRUP_LINK_VALUE_SIZE];
    uint8_t challenge[32];
    uint8_t nonce[32];
    uint8_t tag[SRUP_LINK_TAG_SIZE]; /* of PROOF */
} srup_link;

/* --- Bytes ------------------------------------------------------------------------------------------------------------- */

enum { SRUP_LINK_TYPE_HELLO = 1, SRUP_LINK_TYPE_READY, SRUP_LINK_TYPE_WAIT, SRUP_LINK_TYPE_CHALLENGE, SRUP_LINK_TYPE_PROOF,
       SRUP_LINK_TYPE_VALUE, SRUP_LINK_TYPE_OUTCOME, SRUP_LINK_TYPE_CLAIM, SRUP_LINK_TYPE_SIGN };
enum { SRUP_LINK_DUE_EMPTY_CLAIM = 1, SRUP_LINK_DUE_READY = 2, SRUP_LINK_DUE_CLAIM = 4, SRUP_LINK_DUE_PROOF = 8,
       SRUP_LINK_DUE_VALUE = 16, SRUP_LINK_DUE_SIGN = 32 };
enum { SRUP_LINK_HEADER_SIZE = 3, SRUP_LINK_VERSION_NUMBER = 1, SRUP_LINK_STATUS_VALID = 0x60 };
/* Where the parts of the prefix are. */
enum { SRUP_LINK_AT_MODES = 1, SRUP_LINK_AT_MODE = 2, SRUP_LINK_AT_NONCE = 3, SRUP_LINK_AT_BEACON = 19, SRUP_LINK_AT_DEVICE = 27,
       SRUP_LINK_AT_SERVER = 35, SRUP_LINK_AT_TRANSPORT = 43 };

/* Bytes that are put together in a buffer of a known size. What does not fit is not written, and `fits` tells it. */
typedef struct {
    uint8_t *bytes;
    size_t capacity, count;
    bool fits;
} srup_link_buffer;

static inline void srup_link_put(srup_link_buffer *buffer, const uint8_t *bytes, size_t count) {
    if (!buffer->fits || count > buffer->capacity - buffer->count) {
        buffer->fits = false;
        return;
    }
    for (size_t at = 0; at < count; at++) buffer->bytes[buffer->count + at] = bytes[at];
    buffer->count += count;
}

static inline void srup_link_put_byte(srup_link_buffer *buffer, unsigned byte) {
    const uint8_t one = (uint8_t)byte;
    srup_link_put(buffer, &one, 1);
}

/* ASCII without its terminator. */
static inline void srup_link_put_text(srup_link_buffer *buffer, const char *text) {
    for (; *text != 0; text++) srup_link_put_byte(buffer, (unsigned char)*text);
}

static inline void srup_link_put_header(srup_link_buffer *buffer, unsigned type, size_t count) {
    srup_link_put_byte(buffer, type);
    srup_link_put_byte(buffer, (unsigned)(count >> 8));
    srup_link_put_byte(buffer, (unsigned)(count & 0xFF));
}

static inline void srup_link_big_endian(uint8_t *bytes, uint64_t number) {
    for (int at = 7; at >= 0; at--) {
        bytes[at] = (uint8_t)(number & 0xFF);
        number >>= 8;
    }
}

/* Zeros that a compiler does not leave out. */
static inline void srup_link_clear(void *memory, size_t count) {
    volatile uint8_t *bytes = (volatile uint8_t *)memory;
    for (size_t at = 0; at < count; at++) bytes[at] = 0;
}

/* The time that this takes does not depend on the bytes. */
static inline bool srup_link_equal(const uint8_t *left, const uint8_t *right, size_t count) {
    volatile uint8_t differences = 0;
    for (size_t at = 0; at < count; at++) differences = (uint8_t)(differences | (left[at] ^ right[at]));
    return differences == 0;
}

/* --- State ------------------------------------------------------------------------------------------------------------- */

/* Whether OUTCOME has been received, or the device leaves: close the link. What is due by then may be sent, and need not be. */
static inline bool srup_link_is_over(const srup_link *link) { return link->state >= SRUP_LINK_ENDED; }

static inline void srup_link_leave(srup_link *link, srup_link_reason reason) {
    if (srup_link_is_over(link)) return;
    link->state = SRUP_LINK_LEFT;
    link->reason = reason;
}

/* Begins a link. `parties` is copied; `hooks` and `signature` must stay as long as the link. `signature`: a buffer of `capacity`
 * bytes for keyed mode, at least the key's modulus; NULL and 0 without. Fresh for each link: do not use an old one again.
 * False, and no link, if the parties or the modes are not possible, or a hook or the buffer is missing. */
static inline bool srup_link_init(
    srup_link *link, const srup_link_parties *parties, const srup_link_hooks *hooks, uint8_t *signature, size_t capacity) {
    const unsigned modes = parties->modes;
    const bool is_keyed = (modes & SRUP_LINK_MODE_KEYED) != 0;
    srup_link_clear(link, sizeof *link);
    link->state = SRUP_LINK_LEFT;
    link->reason = SRUP_LINK_FAILED;
    if (modes != 1 && modes != 2 && modes != 4 && modes != 6) return false;
    if (parties->beacon == 0 || (unsigned)parties->transport > SRUP_LINK_LE) return false;
    if (hooks->hmac == NULL || (modes != SRUP_LINK_MODE_VALUE && hooks->random == NULL)) return false;
    if (is_keyed && (hooks->sign == NULL || signature == NULL || capacity == 0)) return false;
    link->hooks = hooks;
    link->signature = signature;
    link->signature_capacity = capacity;
    link->modes = parties->modes;
    link->prefix[0] = SRUP_LINK_VERSION_NUMBER;
    link->prefix[SRUP_LINK_AT_MODE] = 3;
    srup_link_big_endian(link->prefix + SRUP_LINK_AT_BEACON, parties->beacon);
    srup_link_big_endian(link->prefix + SRUP_LINK_AT_DEVICE, parties->device);
    srup_link_big_endian(link->prefix + SRUP_LINK_AT_SERVER, parties->server);
    link->prefix[SRUP_LINK_AT_TRANSPORT] = (uint8_t)parties->transport;
    link->state = SRUP_LINK_HELLO;
    link->reason = SRUP_LINK_NO_REASON;
    return true;
}

/* Leaves nothing of the value in the link, which must not be used afterwards. */
static inline void srup_link_wipe(srup_link *link) { srup_link_clear(link, sizeof *link); }

/* --- Tags -------------------------------------------------------------------------------------------------------------- */

static inline bool srup_link_mac(
    const srup_link *link, const uint8_t *key, size_t count, const srup_link_buffer *message, uint8_t *tag) {
    return message->fits && link->hooks->hmac(link->hooks->context, key, count, message->bytes, message->count, tag);
}

/* HMAC(K(word), message): keyed mode has one key for each use. */
static inline bool srup_link_keyed_mac(
    const srup_link *link, const char *word, const srup_link_buffer *message, uint8_t *tag) {
    uint8_t bytes[32], key[SRUP_LINK_TAG_SIZE];
    srup_link_buffer name = {bytes, sizeof bytes, 0, true};
    srup_link_put_text(&name, "SRUP proof link keyed ");
    srup_link_put_text(&name, word);
    const bool made = srup_link_mac(link, link->value, sizeof link->value, &name, key)
        && srup_link_mac(link, key, sizeof key, message, tag);
    srup_link_clear(key, sizeof key);
    return made;
}

/* What the tags of challenge mode are made over, after their words. */
static inline void srup_link_put_context(srup_link_buffer *buffer, const srup_link *link) {
    srup_link_put(buffer, link->prefix + SRUP_LINK_AT_NONCE, 16);
    srup_link_put(buffer, link->challenge, sizeof link->challenge);
    srup_link_put(buffer, link->nonce, sizeof link->nonce);
    srup_link_put(buffer, link->prefix + SRUP_LINK_AT_BEACON, 16); /* and the device */
}

/* The same of keyed mode, with the device's nonce or another. */
static inline void srup_link_put_keyed(srup_link_buffer *buffer, const srup_link *link, const uint8_t nonce[32]) {
    srup_link_put(buffer, link->prefix, sizeof link->prefix);
    srup_link_put(buffer, link->challenge, sizeof link->challenge);
    srup_link_put(buffer, nonce, 32);
}

static inline bool srup_link_device_tag(const srup_link *link, uint8_t tag[SRUP_LINK_TAG_SIZE]) {
    uint8_t bytes[SRUP_LINK_MESSAGE_SIZE];
    srup_link_buffer message = {bytes, sizeof bytes, 0, true};
    if (link->mode == SRUP_LINK_MODE_KEYED) {
        srup_link_put_keyed(&message, link, link->nonce);
        return srup_link_keyed_mac(link, "device", &message, tag);
    }
    srup_link_put_text(&message, "SRUP proof link v1 device");
    srup_link_put_context(&message, link);
    return srup_link_mac(link, link->value, sizeof link->value, &message, tag);
}

/* The tag of an OUTCOME, in keyed mode with the device's nonce or another. */
static inline bool srup_link_beacon_tag(
    const srup_link *link, uint8_t status, const uint8_t nonce[32], uint8_t tag[SRUP_LINK_TAG_SIZE]) {
    uint8_t bytes[SRUP_LINK_MESSAGE_SIZE];
    srup_link_buffer message = {bytes, sizeof bytes, 0, true};
    if (link->mode == SRUP_LINK_MODE_KEYED) {
        srup_link_put_keyed(&message, link, nonce);
        srup_link_put_byte(&message, status);
        return srup_link_keyed_mac(link, "beacon", &message, tag);
    }
    srup_link_put_text(&message, "SRUP proof link v1 beacon");
    srup_link_put_context(&message, link);
    srup_link_put_byte(&message, status);
    return srup_link_mac(link, link->value, sizeof link->value, &message, tag);
}

/* Whether an OUTCOME shows that its sender holds the value. False, with the link left, if a hook fails. */
static inline bool srup_link_is_proved(srup_link *link, uint8_t status, const uint8_t tag[SRUP_LINK_TAG_SIZE]) {
    static const uint8_t no_nonce[32] = {0};
    uint8_t expected[SRUP_LINK_TAG_SIZE];
    if (link->state != SRUP_LINK_PROVING || link->mode == SRUP_LINK_MODE_VALUE) return false;
    if (link->mode == SRUP_LINK_MODE_CHALLENGE && status != SRUP_LINK_STATUS_VALID) return false;
    bool is_made = srup_link_beacon_tag(link, status, link->nonce, expected);
    bool is_equal = is_made && srup_link_equal(tag, expected, sizeof expected);
    if (is_made && link->mode == SRUP_LINK_MODE_KEYED && status != SRUP_LINK_STATUS_VALID) {
        /* The beacon may have ended the link before PROOF reached it; valid, it says only after PROOF (L65). */
        is_made = srup_link_beacon_tag(link, status, no_nonce, expected);
        is_equal = (is_made && srup_link_equal(tag, expected, sizeof expected)) || is_equal;
    }
    if (!is_made) srup_link_leave(link, SRUP_LINK_FAILED);
    return is_made && is_equal;
}

/* --- What comes from the beacon ---------------------------------------------------------------------------------------- */

/* The length of the payload of a type that beacons send; 0 for any other. */
static inline size_t srup_link_payload_length(uint8_t type) {
    switch (type) {
    case SRUP_LINK_TYPE_HELLO: return 26;
    case SRUP_LINK_TYPE_WAIT: return 2;
    case SRUP_LINK_TYPE_CHALLENGE: return 32;
    case SRUP_LINK_TYPE_OUTCOME: return 33;
    default: return 0;
    }
}

static inline void srup_link_prove(srup_link *link) {
    link->state = SRUP_LINK_PROVING;
    if (link->mode == SRUP_LINK_MODE_VALUE) {
        link->due |= SRUP_LINK_DUE_VALUE;
        return;
    }
    if (!link->hooks->random(link->hooks->context, link->nonce, sizeof link->nonce) || !srup_link_device_tag(link, link->tag)) {
        srup_link_leave(link, SRUP_LINK_FAILED);
        return;
    }
    link->due |= SRUP_LINK_DUE_PROOF;
    if (link->mode == SRUP_LINK_MODE_KEYED) link->due |= SRUP_LINK_DUE_SIGN;
}

/* HELLO: version, modes, beacon id 8, link nonce 16. */
static inline void srup_link_greet(srup_link *link, const uint8_t payload[26]) {
    static const uint8_t nobody[8] = {0};
    const unsigned known = SRUP_LINK_MODE_VALUE | SRUP_LINK_MODE_CHALLENGE | SRUP_LINK_MODE_KEYED;
    const unsigned offered = payload[1] & known, usable = offered & link->modes;
    if (payload[0] != SRUP_LINK_VERSION_NUMBER) {
        srup_link_leave(link, SRUP_LINK_VERSION);
        return;
    }
    if (usable == 0) {
        srup_link_leave(link, SRUP_LINK_MODES);
        return;
    }
    /* A private beacon names nobody; its tags hold its identity, so that only the one that the join names can make them. */
    const bool is_hidden = offered == SRUP_LINK_MODE_KEYED && srup_link_equal(payload + 2, nobody, 8);
    if (!is_hidden && !srup_link_equal(payload + 2, link->prefix + SRUP_LINK_AT_BEACON, 8)) {
        srup_link_leave(link, SRUP_LINK_BEACON);
        return;
    }
    link->prefix[SRUP_LINK_AT_MODES] = payload[1];
    for (size_t at = 0; at < 16; at++) link->prefix[SRUP_LINK_AT_NONCE + at] = payload[10 + at];
    if ((usable & SRUP_LINK_MODE_KEYED) == 0) {
        link->mode = (uint8_t)usable;
        link->state = SRUP_LINK_READY;
        link->due |= SRUP_LINK_DUE_READY;
        return;
    }
    link->mode = SRUP_LINK_MODE_KEYED;
    link->state = link->has_value ? SRUP_LINK_CLAIMED : SRUP_LINK_UNCLAIMED;
    link->due |= link->has_value ? SRUP_LINK_DUE_CLAIM : SRUP_LINK_DUE_EMPTY_CLAIM;
}

static inline void srup_link_end(srup_link *link, uint8_t status, const uint8_t *tag) {
    switch (status) {
    case SRUP_LINK_STATUS_VALID: case 0x6E: case 0x6F: case 1: case 2: case 3: case 4: break;
    default: srup_link_leave(link, SRUP_LINK_MALFORMED); return;
    }
    const bool is_tagged = srup_link_is_proved(link, status, tag);
    const bool shows_nothing = link->state == SRUP_LINK_PROVING && link->mode == SRUP_LINK_MODE_VALUE;
    if (status == SRUP_LINK_STATUS_VALID && !is_tagged && !shows_nothing) srup_link_leave(link, SRUP_LINK_ROGUE);
    if (srup_link_is_over(link)) return;
    link->state = SRUP_LINK_ENDED;
    link->status = status;
    link->is_tagged = is_tagged;
}

/* A whole frame of the type's length. */
static inline void srup_link_take_frame(srup_link *link, uint8_t type, const uint8_t *payload) {
    const srup_link_state state = link->state;
    if (type == SRUP_LINK_TYPE_OUTCOME) {
        srup_link_end(link, payload[0], payload + 1);
    } else if (type == SRUP_LINK_TYPE_HELLO && state == SRUP_LINK_HELLO) {
        srup_link_greet(link, payload);
    } else if (
        type == SRUP_LINK_TYPE_WAIT
        && (state == SRUP_LINK_READY || state == SRUP_LINK_UNCLAIMED || state == SRUP_LINK_CLAIMED)) {
        if (link->waits < UINT16_MAX) link->waits++;
        link->wait_seconds = (uint16_t)((payload[0] << 8) | payload[1]);
    } else if (type == SRUP_LINK_TYPE_CHALLENGE && (state == SRUP_LINK_READY || state == SRUP_LINK_CLAIMED)) {
        for (size_t at = 0; at < sizeof link->challenge; at++) link->challenge[at] = payload[at];
        link->state = SRUP_LINK_CHALLENGED;
        if (link->has_value) srup_link_prove(link);
    } else {
        srup_link_leave(link, SRUP_LINK_TURN);
    }
}

/* Takes `count` bytes from the beacon: of a stream any piece; of L2CAP and LE one whole packet, also an empty one. Call srup_link_next
 * afterwards. Bytes after the end of the link are ignored. */
static inline void srup_link_receive(srup_link *link, const uint8_t *bytes, size_t count) {
    const bool is_packet = link->prefix[SRUP_LINK_AT_TRANSPORT] >= SRUP_LINK_L2CAP;
    if (srup_link_is_over(link)) return;
    if (is_packet && (count == 0 || count != SRUP_LINK_HEADER_SIZE + srup_link_payload_length(bytes[0]))) {
        srup_link_leave(link, SRUP_LINK_MALFORMED);
        return;
    }
    for (size_t at = 0; at < count && !srup_link_is_over(link); at++) {
        /* The longest payload fits, so this holds as long as the table is right. */
        if (link->input_count >= sizeof link->input) {
            srup_link_leave(link, SRUP_LINK_MALFORMED);
            return;
        }
        link->input[link->input_count++] = bytes[at];
        const size_t length = srup_link_payload_length(link->input[0]);
        const bool is_header = link->input_count == SRUP_LINK_HEADER_SIZE;
        if (length == 0 || (is_header && (size_t)((link->input[1] << 8) | link->input[2]) != length)) {
            srup_link_leave(link, SRUP_LINK_MALFORMED);
        } else if (link->input_count == SRUP_LINK_HEADER_SIZE + length) {
            link->input_count = 0;
            srup_link_take_frame(link, link->input[0], link->input + SRUP_LINK_HEADER_SIZE);
        }
    }
}

/* Takes the server's value. Before the device has claimed or proved anything it replaces an earlier one; afterwards it is ignored.
 * Call srup_link_next afterwards. */
static inline void srup_link_take_value(srup_link *link, const uint8_t value[SRUP_LINK_VALUE_SIZE]) {
    if (link->state > SRUP_LINK_CHALLENGED || link->state == SRUP_LINK_CLAIMED) return;
    for (size_t at = 0; at < SRUP_LINK_VALUE_SIZE; at++) link->value[at] = value[at];
    link->has_value = true;
    if (link->state == SRUP_LINK_CHALLENGED) {
        srup_link_prove(link);
    } else if (link->state == SRUP_LINK_UNCLAIMED) {
        link->state = SRUP_LINK_CLAIMED;
        link->due |= SRUP_LINK_DUE_CLAIM;
    }
}

/* The 16 bytes of the plain text that the server has sealed: 16 raw bytes, or 32 hexadecimal digits of either case. False: it is
 * neither. */
static inline bool srup_link_read_value(const uint8_t *plain, size_t count, uint8_t value[SRUP_LINK_VALUE_SIZE]) {
    if (count != SRUP_LINK_VALUE_SIZE && count != 2 * SRUP_LINK_VALUE_SIZE) return false;
    for (size_t at = 0; at < SRUP_LINK_VALUE_SIZE; at++) value[at] = count == SRUP_LINK_VALUE_SIZE ? plain[at] : 0;
    for (size_t at = 0; count != SRUP_LINK_VALUE_SIZE && at < count; at++) {
        const uint8_t digit = plain[at], lower = digit | 0x20;
        unsigned number = 0;
        if (digit >= '0' && digit <= '9') number = (unsigned)digit - '0';
        else if (lower >= 'a' && lower <= 'f') number = (unsigned)lower - 'a' + 10;
        else return false;
        value[at / 2] = (uint8_t)(((unsigned)value[at / 2] << 4) | number);
    }
    return true;
}

/* --- What goes to the beacon ------------------------------------------------------------------------------------------- */

static inline bool srup_link_sign(srup_link *link) {
    uint8_t bytes[SRUP_LINK_MESSAGE_SIZE];
    srup_link_buffer message = {bytes, sizeof bytes, 0, true};
    srup_link_put_text(&message, "SRUP proof link keyed signature");
    srup_link_put_keyed(&message, link, link->nonce);
    srup_link_put(&message, link->tag, sizeof link->tag);
    if (!message.fits) return false;
    const size_t count = link->hooks->sign(link->hooks->context, bytes, message.count, link->signature, link->signature_capacity);
    if (count > link->signature_capacity || count > SRUP_LINK_SIGNATURE_MAXIMUM) return false;
    link->signature_count = count;
    return count > 0;
}

/* The next piece of the signature, as long as the buffer allows. */
static inline bool srup_link_put_piece(srup_link *link, srup_link_buffer *frame) {
    if (link->signature_count == 0 && !srup_link_sign(link)) return false;
    const size_t longest = SRUP_LINK_OUTPUT_SIZE, size = frame->capacity < longest ? frame->capacity : longest;
    const size_t room = size - SRUP_LINK_HEADER_SIZE - 1;
    const size_t left = link->signature_count - link->signature_sent, piece = left < room ? left : room;
    srup_link_put_header(frame, SRUP_LINK_TYPE_SIGN, 1 + piece);
    srup_link_put_byte(frame, piece == left);
    srup_link_put(frame, link->signature + link->signature_sent, piece);
    link->signature_sent += piece;
    if (piece == left) link->due &= (uint8_t)~SRUP_LINK_DUE_SIGN;
    return true;
}

static inline bool srup_link_put_claim(srup_link *link, srup_link_buffer *frame, bool is_empty) {
    uint8_t claim[SRUP_LINK_TAG_SIZE]; /* the first 16 bytes are sent */
    srup_link_buffer prefix = {link->prefix, sizeof link->prefix, sizeof link->prefix, true};
    if (is_empty) srup_link_clear(claim, sizeof claim);
    else if (!srup_link_keyed_mac(link, "claim", &prefix, claim)) return false;
    srup_link_put_header(frame, SRUP_LINK_TYPE_CLAIM, 17);
    srup_link_put_byte(frame, 3);
    srup_link_put(frame, claim, 16);
    return true;
}

/* Puts the next frame that is due into `frame`: at most `capacity` bytes, which is at least SRUP_LINK_OUTPUT_MINIMUM; pieces of the
 * signature are as long as it allows, so it is the MTU on a packet transport. Returns the bytes of the frame, all of which must be sent,
 * as one packet on a packet transport. 0: nothing is due, the capacity is too small, or a hook has failed and the link is left. */
static inline size_t srup_link_next(srup_link *link, uint8_t *frame, size_t capacity) {
    srup_link_buffer out = {frame, capacity, 0, true};
    const uint8_t due = link->due, first = (uint8_t)(due & -due);
    bool made = true;
    if (due == 0 || capacity < SRUP_LINK_OUTPUT_MINIMUM) return 0;
    if (first != SRUP_LINK_DUE_SIGN) link->due &= (uint8_t)~first; /* SIGN is due until its last piece */
    switch (first) {
    case SRUP_LINK_DUE_READY:
        srup_link_put_header(&out, SRUP_LINK_TYPE_READY, 9);
        srup_link_put_byte(&out, link->mode); /* 1 value, 2 challenge: the same as the bit */
        srup_link_put(&out, link->prefix + SRUP_LINK_AT_DEVICE, 8);
        break;
    case SRUP_LINK_DUE_PROOF:
        srup_link_put_header(&out, SRUP_LINK_TYPE_PROOF, 64);
        srup_link_put(&out, link->nonce, sizeof link->nonce);
        srup_link_put(&out, link->tag, sizeof link->tag);
        break;
    case SRUP_LINK_DUE_VALUE:
        srup_link_put_header(&out, SRUP_LINK_TYPE_VALUE, sizeof link->value);
        srup_link_put(&out, link->value, sizeof link->value);
        break;
    case SRUP_LINK_DUE_SIGN: made = srup_link_put_piece(link, &out); break;
    default: made = srup_link_put_claim(link, &out, first == SRUP_LINK_DUE_EMPTY_CLAIM); break;
    }
    if (made && out.fits) return out.count;
    link->due = 0;
    srup_link_leave(link, SRUP_LINK_FAILED);
    return 0;
}

/* --- Time -------------------------------------------------------------------------------------------------------------- */

/* The caller's clock starts again whenever this number changes: 0 from the connection to HELLO, 1 to CHALLENGE, 2 to OUTCOME, 3 after
 * the end. */
static inline int srup_link_phase(const srup_link *link) {
    if (srup_link_is_over(link)) return 3;
    if (link->state >= SRUP_LINK_CHALLENGED) return 2;
    return link->state == SRUP_LINK_HELLO ? 0 : 1;
}

/* How many milliseconds a phase may last; then the device leaves the link and tries again later. `is_one_of_several`: the server has
 * asked several beacons. A device also leaves a beacon whose WAITs (`waits`) come more than once a second. */
static inline uint32_t srup_link_time_limit(const srup_link *link, bool is_one_of_several) {
    switch (srup_link_phase(link)) {
    case 1: return link->waits > 0 && !is_one_of_several ? 30000 : 5000;
    case 2: return 15000;
    default: return 5000;
    }
}

#endif
