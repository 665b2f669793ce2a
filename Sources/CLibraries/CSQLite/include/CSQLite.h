// SQLite as Swift imports it, and what Swift cannot import, each with its reason.
#pragma once
#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast expression: these bind copies.
static inline int csqlite_bind_text(sqlite3_stmt *s, int i, const char *text, int n) {
    return sqlite3_bind_text(s, i, text, n, SQLITE_TRANSIENT);
}
static inline int csqlite_bind_blob(sqlite3_stmt *s, int i, const void *bytes, int n) {
    return n == 0 ? sqlite3_bind_zeroblob(s, i, 0) : sqlite3_bind_blob(s, i, bytes, n, SQLITE_TRANSIENT);
}
// A variadic function: the log stays as it is when this connection is closed.
static inline int csqlite_keep_log(sqlite3 *db) {
    return sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}
