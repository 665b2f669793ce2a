/* The driver of srup_proof_link.h: runs device links that it reads as lines, for the vectors and for comparison with other
 * implementations. README.md has the format.
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L
#include "openssl_hooks.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONCE_SIZE = 32, PATH_SIZE = 1024 };

/* How one link signs and what its nonce is: the context of the hooks. */
typedef struct {
    uint8_t nonce[NONCE_SIZE];
    EVP_PKEY *key;      /* NULL: the digest, repeated */
    size_t digest_count; /* bytes of that */
} materials;

/* The key that was read last: the next link often has the same. */
static EVP_PKEY *cached_key;
static char cached_path[PATH_SIZE];

static EVP_PKEY *key_of(const char *path) {
    if (cached_key != NULL && strcmp(path, cached_path) == 0) return cached_key;
    FILE *file = fopen(path, "r");
    if (file == NULL || strlen(path) >= sizeof cached_path) {
        if (file != NULL) fclose(file);
        return NULL;
    }
    EVP_PKEY_free(cached_key);
    cached_key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    snprintf(cached_path, sizeof cached_path, "%s", path);
    fclose(file);
    return cached_key;
}

/* --- Hooks */

static bool given_nonce(void *context, uint8_t *bytes, size_t count) {
    const materials *own = context;
    if (count != sizeof own->nonce) return false;
    memcpy(bytes, own->nonce, count);
    return true;
}

static size_t sign(void *context, const uint8_t *message, size_t count, uint8_t *signature, size_t capacity) {
    const materials *own = context;
    if (own->key != NULL) return openssl_signature(own->key, message, count, signature, capacity);
    uint8_t digest[32];
    if (own->digest_count > capacity || EVP_Digest(message, count, digest, NULL, EVP_sha256(), NULL) != 1) return 0;
    for (size_t at = 0; at < own->digest_count; at++) signature[at] = digest[at % sizeof digest];
    return own->digest_count;
}

/* --- Words */

/* Bytes of hexadecimal digits, or of "-" for none; at most `capacity`. False: they are something else. */
static bool read_bytes(const char *word, uint8_t *bytes, size_t capacity, size_t *count) {
    const size_t digits = strcmp(word, "-") == 0 ? 0 : strlen(word);
    if (digits % 2 != 0 || digits / 2 > capacity || digits != (strcmp(word, "-") == 0 ? 0 : strspn(word, "0123456789abcdef"))) return false;
    for (size_t at = 0; at < digits; at += 2) {
        const char pair[3] = {word[at], word[at + 1], 0};
        bytes[at / 2] = (uint8_t)strtoul(pair, NULL, 16);
    }
    *count = digits / 2;
    return true;
}

/* What follows "NAME=" in a word, or NULL. */
static const char *setting(const char *word, const char *name) {
    const size_t count = strlen(name);
    return word != NULL && strncmp(word, name, count) == 0 && word[count] == '=' ? word + count + 1 : NULL;
}

static bool read_identifier(const char *digits, uint64_t *number) {
    if (digits == NULL || strlen(digits) != 16 || strspn(digits, "0123456789abcdef") != 16) return false;
    *number = strtoull(digits, NULL, 16);
    return true;
}

static bool read_number(const char *digits, unsigned long least, unsigned long most, unsigned long *number) {
    if (digits == NULL || strlen(digits) == 0 || strlen(digits) > 4 || strspn(digits, "0123456789") != strlen(digits)) return false;
    *number = strtoul(digits, NULL, 10);
    return *number >= least && *number <= most;
}

/* --- Links */

typedef struct {
    bool is_begun;
    size_t size;
    srup_link link;
    materials own;
    srup_link_hooks hooks;
    uint8_t signature[SRUP_LINK_SIGNATURE_MAXIMUM];
} session;

static bool read_signing(const char *how, materials *own) {
    unsigned long count = 0;
    if (how != NULL && strncmp(how, "key:", 4) == 0) return (own->key = key_of(how + 4)) != NULL;
    if (how == NULL || strncmp(how, "digest:", 7) != 0) return false;
    if (!read_number(how + 7, 1, SRUP_LINK_SIGNATURE_MAXIMUM, &count)) return false;
    own->digest_count = count;
    return true;
}

/* reset device= server= beacon= transport= modes= nonce= size= sign= */
static bool reset(session *now, char *words[9]) {
    srup_link_parties parties = {0};
    materials own = {{0}, NULL, 0};
    unsigned long transport = 0, modes = 0, size = 0;
    size_t count = 0;
    const char *nonce = setting(words[6], "nonce");
    if (!read_identifier(setting(words[1], "device"), &parties.device) || !read_identifier(setting(words[2], "server"), &parties.server)
        || !read_identifier(setting(words[3], "beacon"), &parties.beacon) || !read_number(setting(words[4], "transport"), 0, 3, &transport)
        || !read_number(setting(words[5], "modes"), 1, 6, &modes) || nonce == NULL
        || !read_bytes(nonce, own.nonce, sizeof own.nonce, &count) || count != sizeof own.nonce
        || !read_number(setting(words[7], "size"), SRUP_LINK_OUTPUT_MINIMUM, SRUP_LINK_OUTPUT_SIZE, &size)
        || !read_signing(setting(words[8], "sign"), &own))
        return false;
    parties.transport = (srup_link_transport)transport;
    parties.modes = (uint8_t)modes;
    const srup_link_hooks hooks = {openssl_hmac, sign, given_nonce, &now->own};
    srup_link link;
    if (!srup_link_init(&link, &parties, &hooks, now->signature, sizeof now->signature)) return false;
    now->is_begun = true;
    now->size = size;
    now->own = own;
    now->hooks = hooks;
    now->link = link;
    now->link.hooks = &now->hooks;
    return true;
}

/* The bytes are in a block of exactly their size, so that a sanitizer sees a read beyond them. */
static bool feed(session *now, const char *digits) {
    const size_t capacity = strlen(digits) / 2;
    uint8_t *bytes = malloc(capacity > 0 ? capacity : 1);
    size_t count = 0;
    const bool is_read = bytes != NULL && read_bytes(digits, bytes, capacity, &count);
    if (is_read) srup_link_receive(&now->link, bytes, count);
    free(bytes);
    return is_read;
}

static bool take_value(session *now, const char *digits) {
    uint8_t value[SRUP_LINK_VALUE_SIZE];
    size_t count = 0;
    if (!read_bytes(digits, value, sizeof value, &count) || count != sizeof value) return false;
    srup_link_take_value(&now->link, value);
    return true;
}

static bool perform(session *now, char *line) {
    char *words[10] = {NULL}, *rest = NULL;
    size_t count = 0;
    for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < 10; word = strtok_r(NULL, " \n", &rest)) words[count++] = word;
    if (count == 9 && strcmp(words[0], "reset") == 0) return reset(now, words);
    if (count != 2 || !now->is_begun) return false;
    if (strcmp(words[0], "feed") == 0) return feed(now, words[1]);
    return strcmp(words[0], "value") == 0 && take_value(now, words[1]);
}

/* --- Answers */

/* Each frame is written into a block of exactly its capacity, for the same reason. */
static void print_frames(session *now) {
    uint8_t *frame = malloc(now->size);
    size_t count = 0;
    while (frame != NULL && (count = srup_link_next(&now->link, frame, now->size)) > 0) {
        fputs("send ", stdout);
        for (size_t at = 0; at < count; at++) printf("%02x", frame[at]);
        putchar('\n');
    }
    free(frame);
}

static void print_state(const srup_link *link) {
    static const char *const states[] = {"hello", "ready", "unclaimed", "claimed", "challenged", "proving", "ended", "left"};
    static const char *const reasons[] = {"", "malformed", "turn", "version", "modes", "beacon", "rogue", "failed"};
    printf("state %s", states[link->state]);
    if (link->state == SRUP_LINK_ENDED) printf(" %02x %s", link->status, link->is_tagged ? "tagged" : "untagged");
    if (link->state == SRUP_LINK_LEFT) printf(" %s", reasons[link->reason]);
    printf(" waits=%u seconds=%u\n", link->waits, link->wait_seconds);
}

int main(void) {
    static session now;
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) >= 0) {
        if (perform(&now, line)) {
            print_frames(&now);
            print_state(&now.link);
        } else {
            puts("error");
        }
        fflush(stdout);
    }
    free(line);
    EVP_PKEY_free(cached_key);
    return 0;
}
