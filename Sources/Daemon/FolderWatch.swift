import EventLoop
import Logging
import Nearby

/// What may vanish from the state folder while the daemon runs: the journal's files, and the sockets. SQLite goes on writing to files
/// that were removed, and a socket that was removed reports nothing, so they are looked at.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class FolderWatch: @unchecked Sendable {
    /// A listening socket at a path.
    struct Socket {
        let path: String
        /// Makes it again, unless its owner has done so.
        /// - Returns: whether it was made now.
        /// - Throws: where it cannot be made.
        let makeAgain: () throws(LinkSocketError) -> Bool
    }

    /// The journal is also looked at before each commit; this is for one that has nothing to write.
    static let pause = Duration.seconds(10)

    private let clock: any LoopClock
    private let log: Logger
    private let paths: SocketPaths
    private let askJournal: () -> Void
    private var sockets: [Socket] = []
    private var faults: [String: LinkSocketError] = [:]
    private lazy var timer = clock.timer { [unowned self] in look() }

    /// - Parameter askJournal: has the journal look at its files.
    init(_ paths: SocketPaths, clock: any LoopClock, log: Logger, askJournal: @escaping () -> Void) {
        (self.paths, self.clock, self.log, self.askJournal) = (paths, clock, log, askJournal)
        timer.set(after: FolderWatch.pause)
    }

    /// From now on this socket, which is there, is looked at, too.
    func add(_ socket: Socket) {
        paths.note(socket.path)
        sockets.append(socket)
    }

    private func look() {
        askJournal()
        for socket in sockets where !paths.isOurs(socket.path) {
            do throws(LinkSocketError) {
                let isNew = try socket.makeAgain()
                paths.note(socket.path)
                faults[socket.path] = nil
                if isNew { log.warning("the socket \(socket.path) was removed or replaced, and has been made again") }
            } catch {
                guard faults.updateValue(error, forKey: socket.path) != error else { continue }
                log.error(
                    "the socket \(socket.path) was removed or replaced, and cannot be made again: \(error); hint: see what is there: ls -l \(socket.path)"
                )
            }
        }
        timer.set(after: FolderWatch.pause)
    }
}
