// Linux calls that Swift's Glibc module leaves out or cannot see without _GNU_SOURCE.
#pragma once
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

// accept4 needs _GNU_SOURCE. The accepted socket is non-blocking and closed on exec.
int clinux_accept(int listener, struct sockaddr *address, socklen_t *length);

// struct ucred needs _GNU_SOURCE. 0 and the peer's process and user, or -1.
int clinux_peer_credentials(int socket, int32_t *process, uint32_t *user);

// epoll_event is a packed struct with a union: these set and read its 64-bit data.
static inline int clinux_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, operation, fd, &event);
}
static inline uint64_t clinux_epoll_data(const struct epoll_event *event) { return event->data.u64; }
static inline uint32_t clinux_epoll_events(const struct epoll_event *event) { return event->events; }

// prctl is variadic. At most 15 characters are kept.
static inline int clinux_name_thread(const char *name) { return prctl(PR_SET_NAME, (unsigned long)name, 0, 0, 0); }

// prctl is variadic. This process is killed when the thread that started it ends.
static inline int clinux_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

// POLLRDHUP needs _GNU_SOURCE.
static const int16_t clinux_peer_has_ended = 0x2000;

// posix_spawn_file_actions_addclosefrom_np needs _GNU_SOURCE.
int clinux_close_from(posix_spawn_file_actions_t *actions, int first);

// pipe2 needs _GNU_SOURCE. Both ends are closed on exec.
int clinux_pipe(int ends[2]);

// The CMSG macros are not imported. Sends a datagram to an address with a descriptor beside it: 0 or -1.
int clinux_send_descriptor(int socket, const struct sockaddr *address, socklen_t length, const char *text, int descriptor);

// renameat2 needs _GNU_SOURCE. Fails with EEXIST if there is something at the new path; 0 or -1.
int clinux_rename_to_free(const char *old, const char *new);

// prlimit needs _GNU_SOURCE. Sets how many files another process of ours may open (the soft limit): 0 or -1.
int clinux_limit_files(int32_t process, uint64_t most);

// Headers that Swift's Glibc module does not have. Whether the clock is synchronised (adjtimex); whether the kernel's
// random numbers are ready (getrandom).
int clinux_clock_is_kept(void);
int clinux_random_is_ready(void);
