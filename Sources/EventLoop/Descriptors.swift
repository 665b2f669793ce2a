import CLinux
import Glibc

/// The descriptors of this process: how many it may have, and the first three.
public enum Descriptors {
    /// More than anything here uses. A machine may allow a thousand million, and what closes all of them would take minutes.
    private static let most: UInt64 = 65_536
    /// What a child process gets at most: systemd's usual limit. `select` can handle no more.
    private static let mostOfChild: UInt64 = 1_024

    /// Before anything else is opened: puts /dev/null where standard input, output or error is closed, so that no file or socket
    /// gets that number and is read or written in its place; then raises the soft limit to the hard one.
    public static func prepare() {
        for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is the closed one.
            _ = open("/dev/null", O_RDWR)
        }
        var limit = rlimit()
        guard getrlimit(kind, &limit) == 0 else { return }
        let wanted = min(UInt64(limit.rlim_max), most)
        guard UInt64(limit.rlim_cur) < wanted else { return }
        limit.rlim_cur = rlim_t(wanted)
        // A sandbox may forbid it: what is allowed then is what `limit` says.
        _ = setrlimit(kind, &limit)
    }

    /// How many this process may have.
    public static var limit: Int {
        var limit = rlimit()
        guard getrlimit(kind, &limit) == 0 else { return 1_024 }
        return Int(clamping: UInt64(limit.rlim_cur))
    }

    /// Programs that others have written may expect the usual limit, not the one that we have raised.
    static func restore(to child: pid_t) { _ = clinux_limit_files(child, mostOfChild) }

    private static var kind: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
}
