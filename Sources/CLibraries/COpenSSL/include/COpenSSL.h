// OpenSSL as Swift imports it, and what Swift cannot import, each with its reason.
#pragma once
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

// A macro.
static inline int cossl_set_min_tls_1_2(SSL_CTX *ctx) { return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION); }

// Macros. The system's error number in an error code of OpenSSL's; 0: it is not the system's.
static inline int cossl_system_error(unsigned long code) { return ERR_SYSTEM_ERROR(code) ? ERR_GET_REASON(code) : 0; }

// A passphrase prompt on a daemon's terminal would block forever: encrypted keys are refused instead.
static inline int cossl_no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer; (void)size; (void)writing; (void)context;
    return -1;
}
static inline EVP_PKEY *cossl_read_private_key(BIO *bio) { return PEM_read_bio_PrivateKey(bio, NULL, cossl_no_passphrase, NULL); }
static inline EVP_PKEY *cossl_read_public_key(BIO *bio) { return PEM_read_bio_PUBKEY(bio, NULL, cossl_no_passphrase, NULL); }

// A certificate's time in seconds since 1970; 0, which is long past, if it cannot be read. Keys and Broker need it, and neither
// imports the other.
static inline int64_t cossl_seconds(const ASN1_TIME *time) {
    struct tm parts;
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

// Flags that are sums of macros.
static inline int cossl_print_name(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
}

// The same into a string, cut where there is no more room.
static inline void cossl_copy_name(const X509_NAME *name, char *text, int size) {
    BIO *bio = BIO_new(BIO_s_mem());
    int length = bio && cossl_print_name(bio, name) >= 0 ? BIO_read(bio, text, size - 1) : 0;
    text[length > 0 ? length : 0] = 0;
    BIO_free(bio);
}

// The other end of a context's connections: the name that it is told, and what the last handshake found wrong with which of its
// certificates. OpenSSL reports that to a callback only.
typedef struct {
    char name[256];  // a DNS name has at most 253 bytes; empty: no name is told
    int error;
    int depth;
    int is_anchor;     // the certificate is one of our CA file
    int has_namesake;  // our CA file has a CA of its issuer's name
    int key_log;       // where the keys of connections go; only looked at after cossl_log_keys
    int64_t not_before;
    int64_t not_after;
    char subject[120];
    char issuer[120];
    char names[200];  // the DNS names of the certificate, with commas
} cossl_peer;
static inline void cossl_tell_name(cossl_peer *peer, const char *name) {
    strncpy(peer->name, name, sizeof peer->name - 1);
}
// Swift takes an array in a struct for a tuple.
static inline const char *cossl_subject(const cossl_peer *peer) { return peer->subject; }
static inline const char *cossl_issuer(const cossl_peer *peer) { return peer->issuer; }
static inline const char *cossl_names(const cossl_peer *peer) { return peer->names; }
// Macros for typed stacks.
static inline void cossl_note_names(cossl_peer *peer, X509 *certificate) {
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;
    peer->names[0] = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);
        if (one->type != GEN_DNS) continue;
        int length = ASN1_STRING_length(one->d.dNSName);
        if (used + length + 3 > sizeof peer->names) break;
        used += snprintf(
            peer->names + used, sizeof peer->names - used, "%s%.*s", used ? ", " : "", length,
            (const char *)ASN1_STRING_get0_data(one->d.dNSName));
    }
    GENERAL_NAMES_free(all);
}
static inline int cossl_note_verdict(int ok, X509_STORE_CTX *store) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    cossl_peer *peer = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (ok || !peer) return ok;
    peer->error = X509_STORE_CTX_get_error(store);
    peer->depth = X509_STORE_CTX_get_error_depth(store);
    peer->is_anchor = peer->depth >= X509_STORE_CTX_get_num_untrusted(store);
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (!certificate) return ok;
    peer->not_before = cossl_seconds(X509_get0_notBefore(certificate));
    peer->not_after = cossl_seconds(X509_get0_notAfter(certificate));
    cossl_copy_name(X509_get_subject_name(certificate), peer->subject, sizeof peer->subject);
    cossl_copy_name(X509_get_issuer_name(certificate), peer->issuer, sizeof peer->issuer);
    cossl_note_names(peer, certificate);
    STACK_OF(X509) *namesakes = X509_STORE_CTX_get1_certs(store, X509_get_issuer_name(certificate));
    peer->has_namesake = sk_X509_num(namesakes) > 0;
    sk_X509_pop_free(namesakes, X509_free);
    return ok;  // nothing is ever allowed that OpenSSL refused
}
// Called before the first message of a handshake is made: whatever name a library has set by then is replaced by ours.
static inline void cossl_at_handshake(const SSL *ssl, int where, int result) {
    (void)result;
    cossl_peer *peer = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const char *name = peer && peer->name[0] ? peer->name : NULL;
    if (where == SSL_CB_HANDSHAKE_START) SSL_set_tlsext_host_name((SSL *)ssl, name);
}
static inline void cossl_verify_peer(SSL_CTX *ctx, cossl_peer *peer) {
    SSL_CTX_set_app_data(ctx, peer);
    SSL_CTX_set_info_callback(ctx, cossl_at_handshake);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, cossl_note_verdict);
}

// A line of a key log (https://datatracker.ietf.org/doc/draft-ietf-tls-keylogfile/), with one write: it is appended whole.
static inline void cossl_write_key_log(const SSL *ssl, const char *line) {
    cossl_peer *peer = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (!peer) return;
    struct iovec parts[] = {{(void *)line, strlen(line)}, {(void *)"\n", 1}};
    ssize_t written = writev(peer->key_log, parts, 2);
    (void)written;  // a line that the disk has no room for cannot be reported from here
}
// Anyone who has what is written to this descriptor can decrypt the context's connections. After cossl_verify_peer.
static inline void cossl_log_keys(SSL_CTX *ctx, cossl_peer *peer, int descriptor) {
    peer->key_log = descriptor;
    SSL_CTX_set_keylog_callback(ctx, cossl_write_key_log);
}

// The certificates of a context's CA file; NULL: not a certificate, but a revocation list. Macros for typed stacks.
static inline int cossl_anchors(SSL_CTX *ctx) {
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx)));
}
static inline X509 *cossl_anchor(SSL_CTX *ctx, int place) {
    return X509_OBJECT_get0_X509(sk_X509_OBJECT_value(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx)), place));
}

// Bytes from outside are parsed without a prompt too.
static inline X509 *cossl_read_certificate(BIO *bio) { return PEM_read_bio_X509(bio, NULL, cossl_no_passphrase, NULL); }
static inline X509_REQ *cossl_read_request(BIO *bio) { return PEM_read_bio_X509_REQ(bio, NULL, cossl_no_passphrase, NULL); }

// A key in PEM that a provider reads, which only its own library context has.
static inline EVP_PKEY *cossl_read_private_key_in(BIO *bio, OSSL_LIB_CTX *library, const char *properties) {
    return PEM_read_bio_PrivateKey_ex(bio, NULL, cossl_no_passphrase, NULL, library, properties);
}

// Engines are deprecated, but Debian 12 has no other way to use PKCS#11. Deprecated functions are called from C.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static inline int cossl_refuse(UI *ui) { (void)ui; return 0; }

// A key in a PKCS#11 token. `module`: NULL for those that p11-kit knows. The engine is silent, since its messages contain the
// URI, and no PIN is prompted for. `is_there`: whether there is an engine at all. A key keeps a reference to its engine.
static inline EVP_PKEY *cossl_token_key(const char *module, const char *uri, const char *pin, int *is_there) {
    ENGINE_load_dynamic();
    ENGINE *engine = ENGINE_by_id("pkcs11");
    *is_there = engine != NULL;
    if (!engine) return NULL;
    // For this key only: libcurl makes every engine in the list the one for all keys of all kinds.
    ENGINE_set_flags(engine, ENGINE_get_flags(engine) | ENGINE_FLAGS_NO_REGISTER_ALL);
    EVP_PKEY *key = NULL;
    UI_METHOD *nobody = UI_create_method("nobody");  // UI_null would answer, with an empty PIN
    if (nobody) UI_method_set_opener(nobody, cossl_refuse);
    if (nobody && ENGINE_ctrl_cmd_string(engine, "QUIET", NULL, 0) == 1
        && (!module || ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module, 0) == 1)
        && ENGINE_init(engine) == 1) {
        if (ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0) == 1)
            key = ENGINE_load_private_key(engine, uri, nobody, NULL);
        ENGINE_finish(engine);
    }
    ENGINE_free(engine);
    UI_destroy_method(nobody);
    return key;
}

// Why a token gave no key, from the first error in OpenSSL's queue: libp11's engine puts the token's own result there (PKCS#11, CKR_PIN_…)
// under a library of that name, and its own "object not found" under another.
enum { COSSL_TOKEN_OTHER, COSSL_TOKEN_PIN, COSSL_TOKEN_NOT_FOUND };

static inline int cossl_token_fault(void) {
    unsigned long error = ERR_peek_error();
    const char *library = ERR_lib_error_string(error);
    if (!library) return COSSL_TOKEN_OTHER;
    int reason = ERR_GET_REASON(error);
    // Incorrect, invalid, of a wrong length, expired, locked.
    if (strcmp(library, "PKCS#11 module") == 0 && reason >= 0xA0 && reason <= 0xA4) return COSSL_TOKEN_PIN;
    if (strcmp(library, "pkcs11 engine") == 0 && reason == 101) return COSSL_TOKEN_NOT_FOUND;
    return COSSL_TOKEN_OTHER;
}

// Whether a TPM says that what it was given is not its own: the integrity check fails (TPM_RC_INTEGRITY, another TPM's or one from before
// it was cleared), or there is nothing at the handle (TPM_RC_HANDLE). The provider puts the TPM's response code in front of its text.
static inline int cossl_tpm_is_foreign(void) {
    const char *text = NULL;
    int flags = 0;
    if (!ERR_peek_last_error_data(&text, &flags) || !text || !(flags & ERR_TXT_STRING)) return 0;
    unsigned long code = strtoul(text, NULL, 10);
    // Format one (TPM 2.0, part 2, 6.6): the error is in six bits, and which parameter or handle it concerns in others.
    return (code & 0x80) && code < 0x1000 && ((code & 0x3F) == 0x1F || (code & 0x3F) == 0x0B);
}
#pragma GCC diagnostic pop
