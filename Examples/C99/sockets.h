/* The sockets of the proof link on Linux (docs/proof-link.md, "Transports"): local, RFCOMM, L2CAP and LE. The kernel's numbers are here, so
 * that BlueZ's headers and library are not needed.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SRUP_SOCKETS_H
#define SRUP_SOCKETS_H

#include "srup_proof_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { FAMILY_BLUETOOTH = 31, PROTOCOL_L2CAP = 0, PROTOCOL_RFCOMM = 3, LEVEL_L2CAP = 6, L2CAP_SIZES = 1, LEVEL_BLUETOOTH = 274,
       LE_SEND_SIZE = 12, LE_RECEIVE_SIZE = 13, CONNECT_SECONDS = 20 };

/* Where a beacon's link is. */
typedef struct {
    srup_link_transport transport;
    const char *path;      /* local */
    uint8_t place[6];      /* the beacon's Bluetooth address, least significant byte first, as the kernel has it */
    uint8_t type;          /* of that: 0 BR/EDR, 1 LE public, 2 LE random */
    uint16_t number;       /* channel or PSM */
    uint8_t adapter[6];    /* this machine's; zeros: any */
} link_address;

/* AA:BB:CC:DD:EE:FF at the start of the text; what follows it, or NULL if it is not one. */
static inline const char *read_place(const char *text, uint8_t place[6]) {
    for (int at = 5; at >= 0; at--) {
        if (strspn(text, "0123456789abcdefABCDEF") != 2 || (at > 0 && text[2] != ':')) return NULL;
        place[at] = (uint8_t)strtoul(text, NULL, 16);
        text += at > 0 ? 3 : 2;
    }
    return text;
}

/* local:PATH, rfcomm:ADDR[/CHANNEL], l2cap:ADDR[/PSM], le:ADDR[/PSM] or le-random:ADDR[/PSM]. False: it is none of these. */
static inline bool read_link_address(const char *text, link_address *address) {
    static const struct {
        const char *name;
        srup_link_transport transport;
        uint8_t type;
        uint16_t number;
    } kinds[] = {
        {"local:", SRUP_LINK_LOCAL, 0, 0}, {"rfcomm:", SRUP_LINK_RFCOMM, 0, 21}, {"l2cap:", SRUP_LINK_L2CAP, 0, 0x1035},
        {"le:", SRUP_LINK_LE, 1, 0xD5}, {"le-random:", SRUP_LINK_LE, 2, 0xD5}};
    size_t kind = 0;
    while (kind < sizeof kinds / sizeof *kinds && strncmp(text, kinds[kind].name, strlen(kinds[kind].name)) != 0) kind++;
    if (kind == sizeof kinds / sizeof *kinds) return false;
    const char *rest = text + strlen(kinds[kind].name);
    memset(address, 0, sizeof *address);
    address->transport = kinds[kind].transport;
    address->type = kinds[kind].type;
    address->number = kinds[kind].number;
    address->path = rest;
    if (address->transport == SRUP_LINK_LOCAL) return *rest != 0 && strlen(rest) < sizeof ((struct sockaddr_un *)NULL)->sun_path;
    rest = read_place(rest, address->place);
    if (rest == NULL || *rest == 0) return rest != NULL;
    char *end = NULL;
    const unsigned long number = strtoul(rest + 1, &end, 0);
    address->number = (uint16_t)number;
    return *rest == '/' && end != rest + 1 && *end == 0 && number >= 1 && number <= (address->transport == SRUP_LINK_RFCOMM ? 30 : 0xFFFF);
}

/* The bytes of sockaddr_rc (10) or sockaddr_l2 (14); their count. */
static inline socklen_t bluetooth_address(const link_address *address, const uint8_t place[6], uint16_t number, uint8_t bytes[14]) {
    const sa_family_t family = FAMILY_BLUETOOTH;
    memset(bytes, 0, 14);
    memcpy(bytes, &family, sizeof family);
    if (address->transport == SRUP_LINK_RFCOMM) {
        memcpy(bytes + 2, place, 6);
        bytes[8] = (uint8_t)number;
        return 10;
    }
    bytes[2] = (uint8_t)(number & 0xFF); /* little-endian, whatever this machine is */
    bytes[3] = (uint8_t)(number >> 8);
    memcpy(bytes + 4, place, 6);
    bytes[12] = address->type;
    return 14;
}

static inline bool connect_bluetooth(int link, const link_address *address) {
    uint8_t own[14], theirs[14];
    link_address here = *address;
    if (here.type != 0) here.type = 1; /* LE, our own: an LE connection needs an LE address at both ends */
    const socklen_t count = bluetooth_address(&here, address->adapter, 0, own);
    bluetooth_address(address, address->place, address->number, theirs);
    return bind(link, (const struct sockaddr *)(const void *)own, count) == 0
        && connect(link, (const struct sockaddr *)(const void *)theirs, count) == 0;
}

static inline bool connect_local(int link, const char *path) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, strlen(path));
    return connect(link, (const struct sockaddr *)&address, sizeof address) == 0;
}

/* A connected socket, after at most CONNECT_SECONDS; -1, with errno, if there is none. */
static inline int connect_link(const link_address *address) {
    const struct timeval limit = {CONNECT_SECONDS, 0};
    const bool is_stream = address->transport == SRUP_LINK_RFCOMM, is_local = address->transport == SRUP_LINK_LOCAL;
    const int link = is_local ? socket(AF_UNIX, SOCK_STREAM, 0)
        : socket(FAMILY_BLUETOOTH, is_stream ? SOCK_STREAM : SOCK_SEQPACKET, is_stream ? PROTOCOL_RFCOMM : PROTOCOL_L2CAP);
    if (link < 0) return -1;
    if (setsockopt(link, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0
        && (is_local ? connect_local(link, address->path) : connect_bluetooth(link, address)))
        return link;
    const int error = errno;
    close(link);
    errno = error;
    return -1;
}

/* The longest frame that may be sent on a connected link, for srup_link_next. 0: packets are too short for the proof link, in one of
 * the two directions; 36 bytes must arrive (CHALLENGE), and 67 must go (PROOF). Linux asks for 672. */
static inline size_t longest_frame(int link, const link_address *address) {
    uint16_t sizes[6] = {0}, sends = 0, receives = 0; /* struct l2cap_options: sends, receives, and 8 bytes more */
    socklen_t count = sizeof sends;
    if (address->transport == SRUP_LINK_LOCAL || address->transport == SRUP_LINK_RFCOMM) return SRUP_LINK_OUTPUT_SIZE;
    if (address->transport == SRUP_LINK_LE) {
        if (getsockopt(link, LEVEL_BLUETOOTH, LE_SEND_SIZE, &sends, &count) != 0) return 0;
        if (getsockopt(link, LEVEL_BLUETOOTH, LE_RECEIVE_SIZE, &receives, &count) != 0) return 0;
    } else {
        count = sizeof sizes;
        if (getsockopt(link, LEVEL_L2CAP, L2CAP_SIZES, sizes, &count) != 0) return 0;
        sends = sizes[0];
        receives = sizes[1];
    }
    if (receives < SRUP_LINK_INPUT_SIZE || sends < SRUP_LINK_OUTPUT_MINIMUM) return 0;
    return sends < SRUP_LINK_OUTPUT_SIZE ? sends : SRUP_LINK_OUTPUT_SIZE;
}

/* What has arrived: on a packet transport one packet. 0 or less: the link has ended. Call it when the socket is readable. */
static inline ssize_t read_link(int link, uint8_t *bytes, size_t capacity) {
    /* At the end of an L2CAP channel and of RFCOMM the kernel reports the end before the bytes that came before it. */
    const ssize_t count = recv(link, bytes, capacity, 0);
    /* An empty packet is 0 too, with nothing behind it: this must not wait. */
    return count > 0 ? count : recv(link, bytes, capacity, MSG_DONTWAIT);
}

#endif
