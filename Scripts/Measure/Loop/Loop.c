#include "Loop.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sqlite3.h>
#include <string.h>
#include <time.h>

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

EVP_PKEY *loop_read_key(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) return NULL;
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    return key;
}

static int sign(EVP_PKEY *key, const unsigned char *message, size_t length, unsigned char *signature, size_t *size) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int ok = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1
             && EVP_DigestSign(context, signature, size, message, length) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

long loop_sign(EVP_PKEY *key, const unsigned char *message, size_t length, int count) {
    unsigned char signature[2048];
    long start = now();
    for (int i = 0; i < count; i++) {
        size_t size = sizeof signature;
        if (!sign(key, message, length, signature, &size)) return -1;
    }
    return now() - start;
}

long loop_verify(EVP_PKEY *key, const unsigned char *message, size_t length, int count) {
    unsigned char signature[2048];
    size_t size = sizeof signature;
    if (!sign(key, message, length, signature, &size)) return -1;
    long start = now();
    for (int i = 0; i < count; i++) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        int ok = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1
                 && EVP_DigestVerify(context, signature, size, message, length) == 1;
        EVP_MD_CTX_free(context);
        if (!ok) return -1;
    }
    return now() - start;
}

long loop_open(EVP_PKEY *key, int count) {
    unsigned char wrapped[2048], iv[16], sealed[64], plain[64], *wrappeds[1] = {wrapped};
    int wrapped_size[1], part = 0, total = 0;
    EVP_PKEY *keys[1] = {key};
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int ok = context && EVP_SealInit(context, EVP_aes_256_cbc(), wrappeds, wrapped_size, iv, keys, 1) == 1
             && EVP_SealUpdate(context, sealed, &part, (const unsigned char *)"0123456789abcdef0123456789abcdef", 32) == 1
             && EVP_SealFinal(context, sealed + part, &total) == 1;
    total += part;
    EVP_CIPHER_CTX_free(context);
    if (!ok) return -1;
    long start = now();
    for (int i = 0; i < count; i++) {
        int last = 0;
        context = EVP_CIPHER_CTX_new();
        ok = context && EVP_OpenInit(context, EVP_aes_256_cbc(), wrapped, wrapped_size[0], iv, key) > 0
             && EVP_OpenUpdate(context, plain, &part, sealed, total) == 1
             && EVP_OpenFinal(context, plain + part, &last) == 1;
        EVP_CIPHER_CTX_free(context);
        if (!ok) return -1;
    }
    return now() - start;
}

// Puts a row of 300 bytes into a file that is kept as the journal is.
static sqlite3_stmt *insertion(const char *path, sqlite3 **file) {
    static const char row[300] = {1};
    sqlite3_stmt *insert = NULL;
    int ok = sqlite3_open(path, file) == SQLITE_OK
             && sqlite3_exec(*file, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                    "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, row BLOB)", NULL, NULL, NULL) == SQLITE_OK
             && sqlite3_prepare_v2(*file, "INSERT INTO rows (row) VALUES (?)", -1, &insert, NULL) == SQLITE_OK
             && sqlite3_bind_blob(insert, 1, row, sizeof row, SQLITE_STATIC) == SQLITE_OK;
    return ok ? insert : NULL;
}

static int commit(sqlite3_stmt *insert) { return sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK; }

long loop_commit(const char *path, int count) {
    sqlite3 *file = NULL;
    sqlite3_stmt *insert = insertion(path, &file);
    int ok = insert != NULL;
    long start = now();
    for (int i = 0; ok && i < count; i++) ok = commit(insert);
    long time = now() - start;
    sqlite3_finalize(insert);
    sqlite3_close(file);
    return ok ? time : -1;
}

int loop_sign_and_commit(
    EVP_PKEY *key, const unsigned char *message, size_t length, const char *path, int count, long *each
) {
    unsigned char signature[2048];
    sqlite3 *file = NULL;
    sqlite3_stmt *insert = insertion(path, &file);
    int ok = insert != NULL;
    for (int i = 0; ok && i < count; i++) {
        size_t size = sizeof signature;
        long start = now();
        ok = sign(key, message, length, signature, &size) && commit(insert);
        each[i] = now() - start;
    }
    sqlite3_finalize(insert);
    sqlite3_close(file);
    return ok;
}
