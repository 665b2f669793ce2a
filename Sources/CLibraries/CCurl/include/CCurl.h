// libcurl, loaded on first use and never linked (decisions/0010). The numbers are those of its curl.h, whose
// library interface has been kept compatible under this file name since 2006; tests use each of them. curl_easy_setopt and
// curl_easy_getinfo are variadic, which Swift cannot call.
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef struct ccurl_handle ccurl_handle;
typedef struct ccurl_list ccurl_list;

// CURLOPT_…
enum {
    CCURL_WRITE_TO = 10001, CCURL_URL = 10002, CCURL_PROXY = 10004, CCURL_RANGE = 10007, CCURL_ERROR_TEXT = 10010,
    CCURL_WRITE = 20011, CCURL_USER_AGENT = 10018, CCURL_LOW_SPEED_LIMIT = 19, CCURL_LOW_SPEED_TIME = 20,
    CCURL_HEADERS = 10023, CCURL_HEADER_TO = 10029, CCURL_TLS_VERSION = 32, CCURL_FOLLOW = 52, CCURL_POST_LENGTH = 60,
    CCURL_VERIFY_PEER = 64, CCURL_CA_FILE = 10065, CCURL_HEADER = 20079, CCURL_VERIFY_HOST = 81, CCURL_HTTP_VERSION = 84,
    CCURL_CA_FOLDER = 10097, CCURL_NO_SIGNAL = 99, CCURL_TIME_LIMIT = 155, CCURL_CONNECT_LIMIT = 156,
    CCURL_COPY_POST = 10165, CCURL_PROTOCOLS = 181, CCURL_CA_BYTES = 40309,
};
// Values of CURLOPT_PROTOCOLS, _SSLVERSION and _HTTP_VERSION; CURLINFO_…; CURLE_…; CURL_ERROR_SIZE.
enum {
    CCURL_HTTP = 1, CCURL_HTTPS = 2, CCURL_TLS_1_2 = 6, CCURL_HTTP_1_1 = 2, CCURL_STATUS = 0x200002,
    CCURL_REDIRECT = 0x10001f, CCURL_RETRY_AFTER = 0x600039, CCURL_ERROR_LENGTH = 256,
    CCURL_NO_SUCH_HOST = 6, CCURL_NO_CONNECTION = 7, CCURL_CUT_SHORT = 18, CCURL_NOT_WRITTEN = 23, CCURL_TOO_SLOW = 28,
    CCURL_NO_TLS = 35, CCURL_NOTHING_CAME = 52, CCURL_NOT_SENT = 55, CCURL_NOT_RECEIVED = 56, CCURL_NOT_TRUSTED = 60, CCURL_BAD_CA_FILE = 77,
};

// Whether libcurl is installed. The first call loads it, from any thread; nothing below may be called without it.
bool ccurl_load(void);

ccurl_handle *ccurl_new(void);
void ccurl_free(ccurl_handle *handle);
int ccurl_perform(ccurl_handle *handle);
// 0, or a number of CURLE_…. Text is copied by libcurl; NULL resets an option.
int ccurl_set_number(ccurl_handle *handle, int option, long value);
int ccurl_set_text(ccurl_handle *handle, int option, const char *text);
int ccurl_set_pointer(ccurl_handle *handle, int option, const void *pointer);
// Bytes, which libcurl copies (struct curl_blob, since libcurl 7.77).
int ccurl_set_bytes(ccurl_handle *handle, int option, const void *bytes, size_t count);
// A function that receives bytes: if it returns fewer than it got, the transfer ends.
int ccurl_set_receiver(
    ccurl_handle *handle, int option, size_t (*receiver)(const char *bytes, size_t one, size_t count, void *to));
long ccurl_number(ccurl_handle *handle, int which);
// A number of the type curl_off_t.
long long ccurl_long_number(ccurl_handle *handle, int which);
const char *ccurl_text(ccurl_handle *handle, int which);
const char *ccurl_sentence(int number);
ccurl_list *ccurl_append(ccurl_list *list, const char *line);
void ccurl_free_list(ccurl_list *list);
