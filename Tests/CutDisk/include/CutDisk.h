// A disk for SQLite that is in memory and loses power: a VFS by the name of "cut-disk", for tests. After so many operations
// everything fails; what then is on the disk is what was synced, and of the rest any part, sector by sector.
#pragma once
#include <stdint.h>

// A new, empty disk. After `operations` writes, cuts of a file, syncs and deletions (0: never) the power is gone.
void cut_disk_begin(long operations, uint64_t seed);
// The disk says that it has synced, and has not; to see that a test can fail.
void cut_disk_forget_syncs(void);
// How many there were.
long cut_disk_operations(void);
int cut_disk_is_off(void);
// The power is gone now.
void cut_disk_cut(void);
// Writes what is on the disk into a folder, each file under its last name. Returns 0, or -1.
int cut_disk_leave(const char *folder);
// The VFS is there from now on; not the default one. Returns 0, or SQLite's number.
int cut_disk_install(void);
