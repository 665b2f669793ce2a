// libsystemd's sd-bus, loaded on first use and never linked (decisions/0007). The prototypes are those of
// its sd-bus.h, whose library interface is kept compatible; all are there since systemd 241. What is variadic there is
// left out, since Swift cannot call it.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct sd_bus sd_bus;
typedef struct sd_bus_message sd_bus_message;
typedef struct {
    const char *name, *message;
    int _need_free;
} sd_bus_error;

// What a message is (SD_BUS_MESSAGE_…).
enum { CSYSTEMBUS_CALL = 1, CSYSTEMBUS_ANSWER = 2, CSYSTEMBUS_FAILURE = 3, CSYSTEMBUS_SIGNAL = 4 };

// One line a function: what it returns, its name without "sd_bus_", its parameters, and their names.
#define CSYSTEMBUS_FUNCTIONS(ONE)                                                                                      \
    ONE(int, new, (sd_bus **made), (made))                                                                             \
    ONE(int, set_address, (sd_bus *bus, const char *address), (bus, address))                                          \
    ONE(int, set_bus_client, (sd_bus *bus, int on), (bus, on))                                                         \
    ONE(int, start, (sd_bus *bus), (bus))                                                                              \
    ONE(sd_bus *, close_unref, (sd_bus *bus), (bus))                                                                   \
    ONE(int, get_fd, (sd_bus *bus), (bus))                                                                             \
    ONE(int, get_events, (sd_bus *bus), (bus))                                                                         \
    ONE(int, get_timeout, (sd_bus *bus, uint64_t *microseconds), (bus, microseconds))                                  \
    ONE(int, process, (sd_bus *bus, sd_bus_message **received), (bus, received))                                       \
    ONE(int, send, (sd_bus *bus, sd_bus_message *message, uint64_t *cookie), (bus, message, cookie))                   \
    ONE(int, message_new_method_call,                                                                                  \
        (sd_bus *bus, sd_bus_message **made, const char *to, const char *path, const char *of, const char *member),    \
        (bus, made, to, path, of, member))                                                                             \
    ONE(int, message_set_auto_start, (sd_bus_message *message, int on), (message, on))                                 \
    ONE(int, message_new_method_return, (sd_bus_message *call, sd_bus_message **made), (call, made))                   \
    ONE(int, message_new_method_error, (sd_bus_message *call, sd_bus_message **made, const sd_bus_error *error),       \
        (call, made, error))                                                                                           \
    ONE(sd_bus_message *, message_unref, (sd_bus_message *message), (message))                                         \
    ONE(int, message_append_basic, (sd_bus_message *message, char type, const void *value), (message, type, value))    \
    ONE(int, message_open_container, (sd_bus_message *message, char type, const char *contents),                       \
        (message, type, contents))                                                                                     \
    ONE(int, message_close_container, (sd_bus_message *message), (message))                                            \
    ONE(int, message_peek_type, (sd_bus_message *message, char *type, const char **contents),                          \
        (message, type, contents))                                                                                     \
    ONE(int, message_read_basic, (sd_bus_message *message, char type, void *value), (message, type, value))            \
    ONE(int, message_enter_container, (sd_bus_message *message, char type, const char *contents),                      \
        (message, type, contents))                                                                                     \
    ONE(int, message_exit_container, (sd_bus_message *message), (message))                                             \
    ONE(int, message_skip, (sd_bus_message *message, const char *types), (message, types))                             \
    ONE(int, message_get_type, (sd_bus_message *message, uint8_t *type), (message, type))                              \
    ONE(int, message_get_reply_cookie, (sd_bus_message *message, uint64_t *cookie), (message, cookie))                 \
    ONE(const char *, message_get_path, (sd_bus_message *message), (message))                                          \
    ONE(const char *, message_get_interface, (sd_bus_message *message), (message))                                     \
    ONE(const char *, message_get_member, (sd_bus_message *message), (message))                                        \
    ONE(const char *, message_get_sender, (sd_bus_message *message), (message))                                        \
    ONE(const sd_bus_error *, message_get_error, (sd_bus_message *message), (message))

// Whether libsystemd is installed. The first call loads it, from any thread; nothing below may be called without it.
bool csystembus_load(void);

#define CSYSTEMBUS_DECLARE(type, name, parameters, arguments) type csystembus_##name parameters;
CSYSTEMBUS_FUNCTIONS(CSYSTEMBUS_DECLARE)
#undef CSYSTEMBUS_DECLARE
