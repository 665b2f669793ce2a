/* adapter: the lab's hand on the kernel's Bluetooth management interface, without bluetoothd.
 *
 *   adapter await N SECONDS     until hci0 … hciN-1 are ready for commands
 *   adapter on K                powers hciK on: BR/EDR and LE, pairing allowed, connectable, advertising connectably
 *   adapter off K
 *   adapter pair K L            bonds hciK with hciL: without it the kernel pairs anew, unbonded, at each connection, the
 *                               two sides keep different keys, and the third connection after a pause is reset
 *
 * Powering on must go through here: with the older HCIDEVUP no LE pairing works afterwards. The connectable LE
 * advertisement is an advertising instance, since the advertising setting does not outlive a power cycle under btvirt.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INDEX_LIST = 3, INFO = 4, POWERED = 5, CONNECTABLE = 7, BONDABLE = 9, SSP = 0xB, LE = 0xD, PAIR = 0x19, CONFIRM = 0x1C, CONFIRMATION_WANTED = 0xF, IO_CAPABILITY = 0x18,
       SECURE_CONNECTIONS = 0x2D, ADD_ADVERTISING = 0x3E, REMOVE_ADVERTISING = 0x3F, NO_INDEX = 0xFFFF };
struct address { uint16_t family, device, channel; };
static int control;
static uint8_t reply[4096];

static long milliseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The command's status; its answer is in reply. -1: no answer in time. */
static int command(int index, int code, const void *data, int length) {
    uint8_t frame[600] = {code, code >> 8, index, index >> 8, length, length >> 8};
    memcpy(frame + 6, data, length);
    if (write(control, frame, length + 6) < 0) { perror("adapter: write"); exit(2); }
    long deadline = milliseconds() + 15000;
    for (;;) {
        struct pollfd one = {control, POLLIN, 0};
        long left = deadline - milliseconds();
        if (left <= 0 || poll(&one, 1, left) <= 0) return -1;
        uint8_t event[4096];
        int count = read(control, event, sizeof event);
        if (count < 9) continue;
        int kind = event[0] | event[1] << 8, of = event[2] | event[3] << 8, about = event[6] | event[7] << 8;
        if (kind == CONFIRMATION_WANTED) { /* nobody is there to look: yes */
            uint8_t yes[13] = {CONFIRM, 0, of, of >> 8, 7};
            memcpy(yes + 6, event + 6, 7);
            if (write(control, yes, sizeof yes) < 0) perror("adapter: write");
            continue;
        }
        if ((kind != 1 && kind != 2) || of != index || about != code) continue;
        memcpy(reply, event + 9, count - 9);
        return event[8];
    }
}

static int set(int index, int code, const char *name, uint8_t value) {
    int status = command(index, code, &value, 1);
    if (status) fprintf(stderr, "adapter: hci%d %s: status %d\n", index, name, status);
    return status;
}

static int await(int wanted, int seconds) {
    long deadline = milliseconds() + seconds * 1000L;
    do {
        int ready = 0;
        if (!command(NO_INDEX, INDEX_LIST, "", 0))
            for (int i = 0, n = reply[0] | reply[1] << 8; i < n; i++) ready += (reply[2 + 2 * i] | reply[3 + 2 * i] << 8) < wanted;
        if (ready >= wanted) return 0;
        usleep(10000);
    } while (milliseconds() < deadline);
    return 1;
}

static int on(int index) {
    if (command(index, INFO, "", 0)) return 1; /* this also tells the kernel that management is in charge */
    int bad = set(index, POWERED, "power", 0) | set(index, LE, "le", 1) | set(index, SSP, "ssp", 1)
              | set(index, SECURE_CONNECTIONS, "secure connections", 1) | set(index, BONDABLE, "bondable", 1)
              | set(index, IO_CAPABILITY, "io capability", 3) | set(index, CONNECTABLE, "connectable", 1)
              | set(index, POWERED, "power", 1);
    uint8_t all = 0, advertisement[11] = {1, 1 /* flags: connectable */};
    command(index, REMOVE_ADVERTISING, &all, 1);
    return bad | command(index, ADD_ADVERTISING, advertisement, sizeof advertisement);
}

static int pair(int index, int with) {
    uint8_t request[8] = {0, 0, 0, 0, 0, 0, 0 /* BR/EDR */, 3 /* no input, no output */};
    if (command(with, INFO, "", 0)) return 1;
    memcpy(request, reply, 6); /* its address comes first */
    int status = command(index, PAIR, request, sizeof request);
    if (status) fprintf(stderr, "adapter: hci%d with hci%d: status %d\n", index, with, status);
    return status;
}

int main(int count, char **words) {
    struct address all = {31 /* AF_BLUETOOTH */, 0xFFFF, 3 /* the control channel */};
    control = socket(31, SOCK_RAW | SOCK_CLOEXEC, 1);
    if (control < 0 || bind(control, (void *)&all, sizeof all)) { perror("adapter: control channel"); return 2; }
    if (count == 4 && !strcmp(words[1], "await")) return await(atoi(words[2]), atoi(words[3]));
    if (count == 3 && !strcmp(words[1], "on")) return on(atoi(words[2])) ? 1 : 0;
    if (count == 3 && !strcmp(words[1], "off")) return set(atoi(words[2]), POWERED, "power", 0) ? 1 : 0;
    if (count == 4 && !strcmp(words[1], "pair")) return pair(atoi(words[2]), atoi(words[3])) ? 1 : 0;
    fprintf(stderr, "adapter: see the first lines of adapter.c\n");
    return 2;
}
