// The limit that the figures stand beside: the same work in C on the same OpenSSL, the key parsed once.
#pragma once
#include <stddef.h>

typedef struct evp_pkey_st EVP_PKEY;

EVP_PKEY *loop_read_key(const char *path);
// Each does its work `count` times and returns nanoseconds of CLOCK_MONOTONIC, or -1 where OpenSSL refused.
long loop_sign(EVP_PKEY *key, const unsigned char *message, size_t length, int count);
long loop_verify(EVP_PKEY *key, const unsigned char *message, size_t length, int count);
// One sealed value of 32 bytes, in EVP_Seal's form, opened again and again.
long loop_open(EVP_PKEY *key, int count);
// Commits of one row of 300 bytes each, in a new file of its own that is kept as the journal is: WAL, synchronous=FULL.
long loop_commit(const char *path, int count);
// A signature and such a commit, `count` times; into `each` the nanoseconds of each. Returns 0 where OpenSSL or SQLite refused.
int loop_sign_and_commit(
    EVP_PKEY *key, const unsigned char *message, size_t length, const char *path, int count, long *each
);
