/* The hooks of srup_proof_link.h with OpenSSL 1.1.1 or later (libcrypto).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SRUP_OPENSSL_HOOKS_H
#define SRUP_OPENSSL_HOOKS_H

#include "srup_proof_link.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

/* `context` is not used. */
static inline bool openssl_hmac(
    void *context, const uint8_t *key, size_t key_count, const uint8_t *message, size_t count, uint8_t tag[SRUP_LINK_TAG_SIZE]) {
    unsigned made = SRUP_LINK_TAG_SIZE;
    (void)context;
    if (key_count > INT_MAX) return false;
    return HMAC(EVP_sha256(), key, (int)key_count, message, count, tag, &made) != NULL && made == SRUP_LINK_TAG_SIZE;
}

/* RSASSA-PKCS1-v1_5 with SHA-256 by `key`; 0 if `key` is not an RSA key or its signature is longer than `capacity`. */
static inline size_t openssl_signature(EVP_PKEY *key, const uint8_t *message, size_t count, uint8_t *signature, size_t capacity) {
    size_t made = capacity;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    const bool is_made = digest != NULL && EVP_PKEY_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_size(key) <= (int)capacity
        && EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key) == 1
        && EVP_DigestSign(digest, signature, &made, message, count) == 1;
    EVP_MD_CTX_free(digest);
    return is_made ? made : 0;
}

/* `context` is not used. */
static inline bool openssl_random(void *context, uint8_t *bytes, size_t count) {
    (void)context;
    return count <= INT_MAX && RAND_bytes(bytes, (int)count) == 1;
}

#endif
