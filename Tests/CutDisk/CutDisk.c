#include "CutDisk.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 8, SECTOR = 512, PATH = 512 };

// What was done to a file since its last sync, in order: bytes at an offset, or a new length.
struct change {
    sqlite3_int64 offset;
    int length;  // -1: the file is cut to `offset`
    char *bytes;
};

struct content {
    char *bytes;
    sqlite3_int64 length;
};

struct node {
    char path[PATH];
    int is_there;    // as the program sees it
    int is_durable;  // whether its name survives for certain
    struct content now, durable;
    struct change *changes;
    int count, room;
};

static struct node nodes[FILES];
static long limit, operations;
static uint64_t seed_state;
static int is_off, does_forget;

// SplitMix64: the same seed is the same disk.
static uint64_t next_random(void) {
    uint64_t z = (seed_state += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

static int is_out(void) {
    if (!is_off && limit > 0 && operations >= limit) is_off = 1;
    if (!is_off) operations++;
    return is_off;
}

// --- Content ------------------------------------------------------------------------------------------------------------

static int put(struct content *content, sqlite3_int64 offset, const char *bytes, int length) {
    if (offset + length > content->length) {
        char *grown = realloc(content->bytes, (size_t)(offset + length));
        if (!grown) return -1;
        memset(grown + content->length, 0, (size_t)(offset + length - content->length));
        content->bytes = grown;
        content->length = offset + length;
    }
    memcpy(content->bytes + offset, bytes, (size_t)length);
    return 0;
}

static void cut(struct content *content, sqlite3_int64 length) {
    if (length < content->length) content->length = length;
}

static void empty(struct content *content) {
    free(content->bytes);
    *content = (struct content){0};
}

static void forget_changes(struct node *node) {
    for (int i = 0; i < node->count; i++) free(node->changes[i].bytes);
    node->count = 0;
}

static int note(struct node *node, sqlite3_int64 offset, const char *bytes, int length) {
    if (node->count == node->room) {
        int room = node->room ? 2 * node->room : 64;
        struct change *grown = realloc(node->changes, (size_t)room * sizeof *grown);
        if (!grown) return -1;
        node->changes = grown;
        node->room = room;
    }
    char *copy = NULL;
    if (length > 0) {
        copy = malloc((size_t)length);
        if (!copy) return -1;
        memcpy(copy, bytes, (size_t)length);
    }
    node->changes[node->count++] = (struct change){offset, length, copy};
    return 0;
}

static struct node *find(const char *path, int makes) {
    struct node *empty_place = NULL;
    for (int i = 0; i < FILES; i++) {
        if (nodes[i].path[0] && !strcmp(nodes[i].path, path)) return &nodes[i];
        if (!nodes[i].path[0] && !empty_place) empty_place = &nodes[i];
    }
    if (!makes || !empty_place || strlen(path) >= PATH) return NULL;
    strcpy(empty_place->path, path);
    return empty_place;
}

// --- sqlite3_file -------------------------------------------------------------------------------------------------------

struct file {
    sqlite3_file base;
    struct node *node;
    int goes;  // SQLITE_OPEN_DELETEONCLOSE
};

static struct node *of(sqlite3_file *file) { return ((struct file *)file)->node; }

static int file_close(sqlite3_file *file) {
    if (((struct file *)file)->goes) of(file)->is_there = 0;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset) {
    if (is_off) return SQLITE_IOERR_READ;
    struct content *now = &of(file)->now;
    sqlite3_int64 left = offset < now->length ? now->length - offset : 0;
    int got = left < length ? (int)left : length;
    memcpy(bytes, now->bytes + offset, (size_t)got);
    memset((char *)bytes + got, 0, (size_t)(length - got));
    return got == length ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset) {
    if (is_out()) return SQLITE_IOERR_WRITE;
    struct node *node = of(file);
    return put(&node->now, offset, bytes, length) || note(node, offset, bytes, length) ? SQLITE_IOERR_NOMEM : SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 length) {
    if (is_out()) return SQLITE_IOERR_TRUNCATE;
    cut(&of(file)->now, length);
    return note(of(file), length, NULL, -1) ? SQLITE_IOERR_NOMEM : SQLITE_OK;
}

// Names that came and names that went are certain from here on.
static void sync_folder(void) {
    for (int i = 0; i < FILES; i++) {
        nodes[i].is_durable = nodes[i].is_there;
        if (!nodes[i].is_there) empty(&nodes[i].durable);
    }
}

static int file_sync(sqlite3_file *file, int flags) {
    (void)flags;
    if (is_out()) return SQLITE_IOERR_FSYNC;
    if (does_forget) return SQLITE_OK;
    struct node *node = of(file);
    empty(&node->durable);
    if (node->now.length && put(&node->durable, 0, node->now.bytes, (int)node->now.length)) return SQLITE_IOERR_NOMEM;
    forget_changes(node);
    // SQLite's own VFS syncs the folder with a new file's first sync.
    if (!node->is_durable) sync_folder();
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
    *size = of(file)->now.length;
    return SQLITE_OK;
}

// One program, one connection: nobody else locks.
static int file_lock(sqlite3_file *file, int level) { (void)file, (void)level; return SQLITE_OK; }
static int file_reserved(sqlite3_file *file, int *is) { (void)file; *is = 0; return SQLITE_OK; }
static int file_control(sqlite3_file *file, int op, void *arg) { (void)file, (void)op, (void)arg; return SQLITE_NOTFOUND; }
static int file_sector(sqlite3_file *file) { (void)file; return SECTOR; }
// As unix says of most disks: a write that is cut does not touch what is beside it.
static int file_nature(sqlite3_file *file) { (void)file; return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

static const sqlite3_io_methods methods = {
    1, file_close, file_read, file_write, file_truncate, file_sync, file_size,
    file_lock, file_lock, file_reserved, file_control, file_sector, file_nature,
};

// --- sqlite3_vfs --------------------------------------------------------------------------------------------------------

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *opened, int flags, int *given) {
    (void)vfs;
    struct file *file = (struct file *)opened;
    file->base.pMethods = NULL;
    if (is_off) return SQLITE_CANTOPEN;
    char temporary[32];
    static int temporaries;
    if (!name) {
        snprintf(temporary, sizeof temporary, "temporary-%d", temporaries++);
        name = temporary;
    }
    struct node *node = find(name, flags & SQLITE_OPEN_CREATE);
    if (!node || (!node->is_there && !(flags & SQLITE_OPEN_CREATE))) return SQLITE_CANTOPEN;
    node->is_there = 1;
    file->node = node;
    file->goes = flags & SQLITE_OPEN_DELETEONCLOSE;
    file->base.pMethods = &methods;
    if (given) *given = flags;
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int is_synced) {
    (void)vfs;
    if (is_out()) return SQLITE_IOERR_DELETE;
    struct node *node = find(name, 0);
    if (!node || !node->is_there) return SQLITE_IOERR_DELETE_NOENT;
    node->is_there = 0;
    empty(&node->now);
    forget_changes(node);
    if (is_synced) sync_folder();
    return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *is) {
    (void)vfs, (void)flags;
    struct node *node = find(name, 0);
    *is = node && node->is_there;
    return SQLITE_OK;
}

static int disk_path(sqlite3_vfs *vfs, const char *name, int room, char *path) {
    (void)vfs;
    snprintf(path, (size_t)room, "%s", name);
    return SQLITE_OK;
}

static sqlite3_vfs *unix_vfs;
static int disk_random(sqlite3_vfs *vfs, int count, char *bytes) { (void)vfs; return unix_vfs->xRandomness(unix_vfs, count, bytes); }
static int disk_sleep(sqlite3_vfs *vfs, int microseconds) { (void)vfs; return microseconds; }
static int disk_time(sqlite3_vfs *vfs, double *now) { (void)vfs; return unix_vfs->xCurrentTime(unix_vfs, now); }
static int disk_error(sqlite3_vfs *vfs, int count, char *words) { (void)vfs, (void)count, (void)words; return 0; }

int cut_disk_install(void) {
    static sqlite3_vfs vfs = {
        .iVersion = 1, .szOsFile = sizeof(struct file), .mxPathname = PATH, .zName = "cut-disk",
        .xOpen = disk_open, .xDelete = disk_delete, .xAccess = disk_access, .xFullPathname = disk_path,
        .xRandomness = disk_random, .xSleep = disk_sleep, .xCurrentTime = disk_time, .xGetLastError = disk_error,
    };
    unix_vfs = sqlite3_vfs_find(NULL);
    return sqlite3_vfs_register(&vfs, 0);
}

// --- The test's side ----------------------------------------------------------------------------------------------------

void cut_disk_begin(long after, uint64_t seed) {
    for (int i = 0; i < FILES; i++) {
        empty(&nodes[i].now);
        empty(&nodes[i].durable);
        forget_changes(&nodes[i]);
        free(nodes[i].changes);
        nodes[i] = (struct node){0};
    }
    limit = after, operations = 0, seed_state = seed, is_off = 0, does_forget = 0;
}

long cut_disk_operations(void) { return operations; }
int cut_disk_is_off(void) { return is_off; }
void cut_disk_cut(void) { is_off = 1; }
void cut_disk_forget_syncs(void) { does_forget = 1; }

// Of what was not synced, any sectors, in order; a new length or none.
static int survive(struct node *node) {
    for (int i = 0; i < node->count; i++) {
        struct change *change = &node->changes[i];
        if (change->length < 0) {
            if (next_random() & 1) cut(&node->durable, change->offset);
            continue;
        }
        for (int done = 0; done < change->length;) {
            int piece = SECTOR - (int)((change->offset + done) % SECTOR);
            if (piece > change->length - done) piece = change->length - done;
            if (next_random() & 1 && put(&node->durable, change->offset + done, change->bytes + done, piece)) return -1;
            done += piece;
        }
    }
    return 0;
}

int cut_disk_leave(const char *folder) {
    // A disk that is at rest in between may also have written all of it, or nothing.
    int mood = (int)(next_random() % 4);
    for (int i = 0; i < FILES; i++) {
        struct node *node = &nodes[i];
        if (!node->path[0] || (!node->is_there && !node->is_durable)) continue;
        if (!node->is_durable && next_random() & 1) continue;  // its name has not reached the disk
        const struct content *left = &node->durable;
        if (node->is_there && mood == 0) left = &node->now;
        else if (node->is_there && mood != 1 && survive(node)) return -1;
        const char *name = strrchr(node->path, '/');
        char path[2 * PATH];
        snprintf(path, sizeof path, "%s/%s", folder, name ? name + 1 : node->path);
        FILE *file = fopen(path, "wb");
        if (!file) return -1;
        int ok = left->length == 0 || fwrite(left->bytes, (size_t)left->length, 1, file) == 1;
        if (fclose(file) || !ok) return -1;
    }
    return 0;
}
