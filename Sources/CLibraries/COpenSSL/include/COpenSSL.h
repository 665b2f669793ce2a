// OpenSSL as Swift imports it, and what Swift cannot import, each with its reason.
#pragma once
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

// A macro.
static inline int cossl_set_min_tls_1_2(SSL_CTX *ctx) { return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION); }

// A macro.
static inline void cossl_set_host_name(SSL *ssl, const char *host) { SSL_set_tlsext_host_name(ssl, host); }

// A passphrase prompt on a daemon's terminal would wait for ever: encrypted keys are refused instead.
static inline int cossl_no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer; (void)size; (void)writing; (void)context;
    return -1;
}
static inline EVP_PKEY *cossl_read_private_key(BIO *bio) { return PEM_read_bio_PrivateKey(bio, NULL, cossl_no_passphrase, NULL); }
static inline EVP_PKEY *cossl_read_public_key(BIO *bio) { return PEM_read_bio_PUBKEY(bio, NULL, cossl_no_passphrase, NULL); }

// What the last handshake on a context found wrong with the peer's certificate: OpenSSL tells only its callback.
typedef struct { int error; int depth; } cossl_verdict;
static inline int cossl_note_verdict(int ok, X509_STORE_CTX *store) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    cossl_verdict *verdict = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (!ok && verdict) {
        verdict->error = X509_STORE_CTX_get_error(store);
        verdict->depth = X509_STORE_CTX_get_error_depth(store);
    }
    return ok;  // nothing is ever allowed that OpenSSL refused
}
static inline void cossl_verify_peer(SSL_CTX *ctx, cossl_verdict *verdict) {
    SSL_CTX_set_app_data(ctx, verdict);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, cossl_note_verdict);
}

// Bytes from outside are parsed without a prompt too.
static inline X509 *cossl_read_certificate(BIO *bio) { return PEM_read_bio_X509(bio, NULL, cossl_no_passphrase, NULL); }
static inline X509_REQ *cossl_read_request(BIO *bio) { return PEM_read_bio_X509_REQ(bio, NULL, cossl_no_passphrase, NULL); }
