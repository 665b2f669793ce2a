/* adapter: what lab-radio does through the kernel's Bluetooth management interface, without bluetoothd.
 *
 *   adapter await SECONDS K...   until each hciK is ready for commands
 *   adapter on K                 sets hciK up and powers it on: BR/EDR and LE, pairing allowed, connectable, advertising
 *                                connectably; what is on and set up already keeps its connections
 *   adapter off K
 *   adapter address K            prints its address
 *   adapter settings K           prints its settings in words, on one line
 *   adapter pair K L             bonds hciK with hciL: without it the kernel pairs anew, unbonded, at each connection,
 *                                the two sides keep different keys, and the third connection after a pause is reset
 *
 * Status 0, or 1 with one sentence. Powering on must go through here: with the older HCIDEVUP no LE pairing works
 * afterwards. The connectable LE advertisement is an advertising instance, since the advertising setting does not outlive
 * a power cycle under btvirt.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INDEX_LIST = 0x03, INFO = 0x04, POWERED = 0x05, CONNECTABLE = 0x07, BONDABLE = 0x09, SSP = 0x0B, LE = 0x0D,
       IO_CAPABILITY = 0x18, PAIR = 0x19, CONFIRM = 0x1C, SECURE_CONNECTIONS = 0x2D, ADD_ADVERTISING = 0x3E,
       REMOVE_ADVERTISING = 0x3F };
enum { COMPLETE = 1, STATUS = 2, CONFIRMATION_WANTED = 0x0F };
enum { NO_INDEX = 0xFFFF, ALREADY_PAIRED = 0x13, NO_ANSWER = -1 };

/* Bit 0 first, as in struct mgmt_rp_read_info's current settings. */
static const char *const setting_words[] = {
    "powered", "connectable", "fast-connectable", "discoverable", "bondable", "link-security", "ssp", "br/edr",
    "high-speed", "le", "advertising", "secure-connections", "debug-keys", "privacy", "configuration",
    "static-address", "phy", "wideband-speech", "cis-central", "cis-peripheral", "iso-broadcaster", "sync-receiver" };
enum { WANTED = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 11 }; /* what `on` sets, among these */

static const char *const status_words[] = {
    "success", "unknown command", "not connected", "failed", "connection failed", "authentication failed",
    "not paired", "no resources", "timeout", "already connected", "busy", "rejected", "not supported",
    "invalid parameters", "disconnected", "not powered", "cancelled", "there is no such controller",
    "it is blocked (rfkill)", "already paired", "permission denied" };

struct address { uint16_t family, device, channel; };
static int control;
static uint8_t reply[4096];

static long milliseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The command's status; its answer is in reply. */
static int command(int index, int code, const void *data, int length) {
    uint8_t frame[600] = {code, code >> 8, index, index >> 8, length, length >> 8};
    memcpy(frame + 6, data, length);
    if (write(control, frame, length + 6) < 0) { perror("lab-radio: management socket"); exit(1); }
    long deadline = milliseconds() + 15000;
    for (;;) {
        struct pollfd one = {control, POLLIN, 0};
        long left = deadline - milliseconds();
        if (left <= 0 || poll(&one, 1, left) <= 0) return NO_ANSWER;
        uint8_t event[4096];
        int count = read(control, event, sizeof event);
        if (count < 9) continue;
        int kind = event[0] | event[1] << 8, of = event[2] | event[3] << 8, about = event[6] | event[7] << 8;
        if (kind == CONFIRMATION_WANTED && code == PAIR) { /* nobody is there to look: yes */
            uint8_t yes[13] = {CONFIRM, 0, of, of >> 8, 7};
            memcpy(yes + 6, event + 6, 7);
            if (write(control, yes, sizeof yes) < 0) perror("lab-radio: management socket");
            continue;
        }
        if ((kind != COMPLETE && kind != STATUS) || of != index || about != code) continue;
        memcpy(reply, event + 9, count - 9);
        return event[8];
    }
}

static void refused(int index, const char *what, int status) {
    const char *words = status == NO_ANSWER ? "the controller does not answer" : "unknown status";
    if (status > 0 && status < (int)(sizeof status_words / sizeof *status_words)) words = status_words[status];
    fprintf(stderr, "lab-radio: hci%d: %s: %s\n", index, what, words);
    exit(1);
}

/* Does it or ends with a sentence. */
static void must(int index, const char *what, int code, const void *data, int length) {
    int status = command(index, code, data, length);
    if (status) refused(index, what, status);
}

static void set(int index, const char *what, int code, uint8_t value) { must(index, what, code, &value, 1); }

static uint32_t settings(int index) {
    must(index, "reading its settings", INFO, "", 0);
    return reply[13] | reply[14] << 8 | reply[15] << 16 | (uint32_t)reply[16] << 24;
}

static int is_ready(int index) {
    if (command(NO_INDEX, INDEX_LIST, "", 0)) return 0;
    for (int i = 0, n = reply[0] | reply[1] << 8; i < n; i++)
        if ((reply[2 + 2 * i] | reply[3 + 2 * i] << 8) == index) return 1;
    return 0;
}

static void await(int seconds, char **indexes) {
    long deadline = milliseconds() + seconds * 1000L;
    for (; *indexes; indexes++)
        while (!is_ready(atoi(*indexes))) {
            if (milliseconds() > deadline) {
                fprintf(stderr, "lab-radio: hci%s is not there after %d s\n", *indexes, seconds);
                exit(1);
            }
            usleep(10000);
        }
}

static void on(int index) {
    /* Reading the settings also tells the kernel that management is in charge. */
    if ((settings(index) & WANTED) != WANTED) {
        set(index, "powering off, to set it up", POWERED, 0);
        set(index, "le", LE, 1);
        set(index, "ssp", SSP, 1);
        set(index, "secure connections", SECURE_CONNECTIONS, 1);
        set(index, "bondable", BONDABLE, 1);
        set(index, "io capability", IO_CAPABILITY, 3 /* no input, no output */);
        set(index, "connectable", CONNECTABLE, 1);
        set(index, "powering on", POWERED, 1);
    }
    uint8_t all = 0, advertisement[11] = {1, 1 /* flags: connectable */};
    command(index, REMOVE_ADVERTISING, &all, 1); /* there may be none */
    must(index, "advertising", ADD_ADVERTISING, advertisement, sizeof advertisement);
}

static void pair(int index, int with) {
    uint8_t request[8] = {0, 0, 0, 0, 0, 0, 0 /* BR/EDR */, 3 /* no input, no output */};
    settings(with);
    memcpy(request, reply, 6); /* its address comes first */
    int status = command(index, PAIR, request, sizeof request);
    if (status && status != ALREADY_PAIRED) refused(index, "pairing", status);
}

int main(int count, char **words) {
    struct address all = {31 /* AF_BLUETOOTH */, 0xFFFF, 3 /* the control channel */};
    control = socket(31, SOCK_RAW | SOCK_CLOEXEC, 1);
    if (control < 0 || bind(control, (void *)&all, sizeof all)) { perror("lab-radio: management socket"); return 1; }
    const char *verb = count > 2 ? words[1] : "";
    if (count > 3 && !strcmp(verb, "await")) await(atoi(words[2]), words + 3);
    else if (count == 3 && !strcmp(verb, "on")) on(atoi(words[2]));
    else if (count == 3 && !strcmp(verb, "off")) set(atoi(words[2]), "powering off", POWERED, 0);
    else if (count == 4 && !strcmp(verb, "pair")) pair(atoi(words[2]), atoi(words[3]));
    else if (count == 3 && !strcmp(verb, "address")) {
        settings(atoi(words[2]));
        for (int i = 5; i >= 0; i--) printf("%02X%c", reply[i], i ? ':' : '\n');
    } else if (count == 3 && !strcmp(verb, "settings")) {
        uint32_t now = settings(atoi(words[2]));
        const char *space = "";
        for (unsigned i = 0; i < sizeof setting_words / sizeof *setting_words; i++)
            if (now >> i & 1) printf("%s%s", space, setting_words[i]), space = " ";
        puts(now ? "" : "none");
    } else {
        fprintf(stderr, "lab-radio: adapter: see the first lines of adapter.c\n");
        return 1;
    }
    return 0;
}
