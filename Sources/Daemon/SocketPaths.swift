import Glibc
import Nearby

/// The paths of the sockets that this process has made. They are removed at its end, unless another process has made its own there.
///
/// `@unchecked Sendable`: used on the loop's thread only, and after the loop has ended.
final class SocketPaths: @unchecked Sendable {
    private var made: [(path: String, inode: UInt64)] = []

    /// A socket of ours is at this path now.
    func note(_ path: String) {
        if let inode = LinkSocket.inode(of: path) { made.append((path, inode)) }
    }

    /// Whether the last socket of ours at this path is still there.
    func isOurs(_ path: String) -> Bool {
        guard let last = made.last(where: { $0.path == path }) else { return false }
        return LinkSocket.inode(of: path) == last.inode
    }

    /// Removes what is still ours.
    func remove() {
        for (path, inode) in made where LinkSocket.inode(of: path) == inode { unlink(path) }
        made = []
    }
}
