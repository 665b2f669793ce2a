/* A device that proves its value to a beacon over Bluetooth or a Unix socket, on Linux, with OpenSSL's libcrypto.
 *
 *     device ADDRESS DEVICE-ID SERVER-ID BEACON-ID KEY-FILE [keyed|challenge|either|value [ADAPTER]]
 *
 * ADDRESS is that of the beacon's link: local:PATH, rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL], l2cap:ADDR[/PSM], le:ADDR[/PSM] or
 * le-random:ADDR[/PSM]; ADAPTER is the Bluetooth address of this machine's adapter, if it has several.
 * Identifiers are hexadecimal digits; KEY-FILE is the device's identity key, PEM. The value comes over standard input as one line of 32
 * hexadecimal digits, at any time: how it gets from the server to the device is not this program's part.
 *
 * It opens one link after another, as docs/proof-link.md has it, until a beacon has shown that it holds the value and has said valid
 * (exit status 0), or for TIME_LIMIT (exit status 1). A fault on this side: exit status 2. On a real device the server's RESPONSE decides,
 * and not the beacon: it goes on until RESPONSE has come. In value mode this program ends at the first *valid*, which any beacon can send.
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L
#include "openssl_hooks.h"
#include "sockets.h"

#include <openssl/pem.h>
#include <poll.h>
#include <time.h>

enum { TIME_LIMIT = 120000, FIRST_PAUSE = 500, LONGEST_PAUSE = 10000, LINE_SIZE = 64, SIGNATURE_SIZE = 512 };

typedef struct {
    const char *text; /* the address as it was given */
    link_address address;
    srup_link_parties parties;
    EVP_PKEY *key;
    uint8_t value[SRUP_LINK_VALUE_SIZE];
    bool has_value;
    char line[LINE_SIZE]; /* of standard input, until it is whole */
    size_t line_count;
    bool input_has_ended;
    int refused; /* errno of the last connection that was refused: told once (L49) */
} device;

static void fail(const char *what, const char *hint) {
    fprintf(stderr, "device: %s\nhint: %s\n", what, hint);
    exit(2);
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t sign(void *context, const uint8_t *message, size_t count, uint8_t *signature, size_t capacity) {
    const device *self = context;
    return openssl_signature(self->key, message, count, signature, capacity);
}

/* --- The value ---------------------------------------------------------------------------------------------------------- */

/* Reads what is there of standard input. True once, when the value is whole. */
static bool read_value(device *self) {
    char bytes[LINE_SIZE];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    bool is_new = false;
    if (count <= 0) self->input_has_ended = true;
    for (ssize_t at = 0; at < count && !self->has_value; at++) {
        if (bytes[at] != '\n' && self->line_count < sizeof self->line) {
            self->line[self->line_count++] = bytes[at];
            continue;
        }
        if (!srup_link_read_value((const uint8_t *)self->line, self->line_count, self->value))
            fail("the value on standard input is not 32 hexadecimal digits", "give one line");
        self->has_value = is_new = true;
        srup_link_clear(self->line, sizeof self->line);
    }
    srup_link_clear(bytes, sizeof bytes);
    return is_new;
}

/* --- One link ----------------------------------------------------------------------------------------------------------- */

/* Sends all frames that are due. A peer that has closed is noticed when its OUTCOME has been read. */
static void send_due(srup_link *link, int socket, size_t longest) {
    uint8_t frame[SRUP_LINK_OUTPUT_SIZE];
    size_t count = 0;
    while ((count = srup_link_next(link, frame, longest)) > 0) {
        size_t sent = 0;
        while (sent < count) {
            const ssize_t part = send(socket, frame + sent, count - sent, MSG_NOSIGNAL);
            if (part <= 0) return;
            sent += (size_t)part;
        }
    }
    srup_link_clear(frame, sizeof frame);
}

/* Waits for bytes of the beacon or the value, and takes what there is. False: the link gives nothing more. */
static bool take(device *self, srup_link *link, int socket, size_t longest, int64_t deadline) {
    struct pollfd waiting[2] = {{socket, POLLIN, 0}, {self->input_has_ended ? -1 : STDIN_FILENO, POLLIN, 0}};
    const int64_t left = deadline - milliseconds();
    if (left <= 0 || poll(waiting, 2, (int)left) <= 0) {
        puts("device: left the link: nothing has come in time");
        return false;
    }
    if (waiting[1].revents != 0 && read_value(self)) srup_link_take_value(link, self->value);
    if (waiting[0].revents != 0) {
        uint8_t bytes[256];
        const ssize_t count = read_link(socket, bytes, sizeof bytes);
        if (count <= 0) {
            puts("device: the beacon has closed the link without an outcome");
            return false;
        }
        srup_link_receive(link, bytes, (size_t)count);
    }
    send_due(link, socket, longest);
    return true;
}

static void tell(const srup_link *link) {
    static const char *const reasons[] = {
        "", "malformed frame", "frame out of turn", "another version", "none of our modes", "another beacon",
        "valid without the tag of the value", "a fault on this side"};
    if (link->state == SRUP_LINK_LEFT) printf("device: left the link: %s\n", reasons[link->reason]);
    if (link->state == SRUP_LINK_ENDED)
        printf("device: outcome %02x, %s\n", link->status, link->is_tagged ? "with the value's tag" : "which shows nothing");
}

/* Goes through one link, within the page's limits for silence and for WAIT. */
static void follow(device *self, srup_link *link, int socket, size_t longest) {
    int phase = 0;
    int64_t began = milliseconds(), waits_until = began;
    while (!srup_link_is_over(link)) {
        const uint16_t waits = link->waits;
        if (!take(self, link, socket, longest, began + srup_link_time_limit(link, false))) return;
        if (srup_link_phase(link) != phase) began = milliseconds();
        phase = srup_link_phase(link);
        if (link->waits == waits) continue;
        /* At most one a second, of which two may come together (L51). */
        if (waits_until < milliseconds()) waits_until = milliseconds();
        waits_until += 1000 * (link->waits - waits);
        if (waits_until - milliseconds() > 2000) {
            puts("device: left the link: WAIT comes more than once a second");
            return;
        }
    }
    tell(link);
}

/* True if the beacon has said valid with the value's tag; in value mode, which has no tags, if it has said valid. */
static bool prove(device *self) {
    const srup_link_hooks hooks = {openssl_hmac, sign, openssl_random, self};
    uint8_t signature[SIGNATURE_SIZE];
    srup_link link;
    const int socket = connect_link(&self->address);
    if (socket < 0) {
        if (errno != self->refused) printf("device: %s: %s\n", self->text, strerror(errno));
        self->refused = errno;
        return false;
    }
    self->refused = 0;
    const size_t longest = longest_frame(socket, &self->address);
    if (longest == 0) {
        puts("device: left the link: its packets are too short");
        close(socket);
        return false;
    }
    if (!srup_link_init(&link, &self->parties, &hooks, signature, sizeof signature))
        fail("no link is possible between these", "the beacon's id must not be 0");
    if (self->has_value) srup_link_take_value(&link, self->value);
    follow(self, &link, socket, longest);
    close(socket);
    const bool is_valid = link.state == SRUP_LINK_ENDED && link.status == SRUP_LINK_STATUS_VALID;
    const bool is_proved = is_valid && (link.is_tagged || self->parties.modes == SRUP_LINK_MODE_VALUE);
    srup_link_wipe(&link);
    return is_proved;
}

/* --- Arguments ---------------------------------------------------------------------------------------------------------- */

static uint64_t identifier(const char *digits) {
    const size_t count = strlen(digits);
    if (count < 1 || count > 16 || strspn(digits, "0123456789abcdefABCDEF") != count)
        fail("an identifier is not 1 to 16 hexadecimal digits", "for example bea0000000000001");
    return strtoull(digits, NULL, 16);
}

static uint8_t modes(const char *name) {
    if (strcmp(name, "keyed") == 0) return SRUP_LINK_MODE_KEYED;
    if (strcmp(name, "challenge") == 0) return SRUP_LINK_MODE_CHALLENGE;
    if (strcmp(name, "either") == 0) return SRUP_LINK_MODE_KEYED | SRUP_LINK_MODE_CHALLENGE;
    if (strcmp(name, "value") != 0) fail("there is no such mode", "give keyed, challenge, either or value");
    return SRUP_LINK_MODE_VALUE;
}

static EVP_PKEY *key_of(const char *path) {
    FILE *file = fopen(path, "r");
    EVP_PKEY *key = file != NULL ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file != NULL) fclose(file);
    if (key == NULL || EVP_PKEY_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_size(key) > SIGNATURE_SIZE)
        fail("the key could not be loaded", "give an RSA key of at most 4,096 bits, PEM");
    return key;
}

int main(int count, char **words) {
    if (count < 6 || count > 8) fail("arguments are missing", "device ADDRESS DEVICE-ID SERVER-ID BEACON-ID KEY-FILE [MODE [ADAPTER]]");
    setvbuf(stdout, NULL, _IOLBF, 0);
    device self = {.text = words[1], .key = key_of(words[5])};
    if (!read_link_address(words[1], &self.address)) fail("this is not an address of a beacon", "for example local:beacon.link");
    const char *end_of_adapter = count == 8 ? read_place(words[7], self.address.adapter) : "";
    if (end_of_adapter == NULL || *end_of_adapter != 0) fail("this is not an adapter's address", "for example 00:AA:01:01:00:01");
    self.parties.device = identifier(words[2]);
    self.parties.server = identifier(words[3]);
    self.parties.beacon = identifier(words[4]);
    self.parties.transport = self.address.transport;
    self.parties.modes = modes(count >= 7 ? words[6] : "either");
    const int64_t end = milliseconds() + TIME_LIMIT;
    bool is_proved = false;
    for (int64_t pause = FIRST_PAUSE; milliseconds() < end; pause = 2 * pause < LONGEST_PAUSE ? 2 * pause : LONGEST_PAUSE) {
        is_proved = prove(&self);
        if (is_proved) break;
        const struct timespec rest = {(time_t)(pause / 1000), (long)(pause % 1000) * 1000000};
        nanosleep(&rest, NULL);
    }
    srup_link_clear(self.value, sizeof self.value);
    EVP_PKEY_free(self.key);
    return is_proved ? 0 : 1;
}
