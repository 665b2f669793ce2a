import BootTime
import EventLoop
import Files
import Glibc
import Keys
import Observing
import SRUP

/// The folder of an update's file, below the state folder: the part downloaded so far, and the whole file once verified.
package struct UpdateFolder {
    package let path: String

    package init(in state: String) { path = state + "/update" }

    /// The whole file: its digest was the one announced when it got this name.
    package var file: String { path + "/file" }
    /// The part downloaded so far.
    package var part: String { path + "/part" }
    /// What the part belongs to: digest, URL, and the web server's validator if it sent one; a line each.
    private var note: String { path + "/part.of" }

    /// Creates the folder if it does not exist, for its owner only.
    package func make() throws(FileError) { guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .last } }

    /// Waits for any process that is already doing this work: a child may outlive its daemon.
    /// - Returns: a descriptor that holds the lock until it is closed, everywhere; nil if another process keeps it.
    package func lock(_ work: String, timeout: Duration) -> Int32? {
        try? make()
        guard let descriptor = try? File.open(path + "/\(work).lock", O_RDWR | O_CREAT) else { return nil }
        let deadline = Instant.now + timeout
        while true {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
            guard .now < deadline else { break }
            usleep(50_000)
        }
        close(descriptor)
        return nil
    }

    /// The downloaded part of an order's file: its length, and the validator for requesting the rest. What belongs to
    /// another order is removed first.
    package func begun(_ order: (url: String, digest: [UInt8])) -> (length: Int64, tag: String?) {
        let lines = String(decoding: (try? File.read(note)) ?? [], as: UTF8.self).split(
            separator: "\n"
        ).map(String.init)
        guard lines.count >= 2, lines[0] == hexadecimal(order.digest), lines[1] == order.url else {
            forgetPart()
            return (0, nil)
        }
        var status = stat()
        guard stat(part, &status) == 0 else { return (0, nil) }
        return (Int64(status.st_size), lines.count > 2 ? lines[2] : nil)
    }

    package func note(_ order: (url: String, digest: [UInt8]), tag: String?) throws(FileError) {
        let lines = [hexadecimal(order.digest), order.url] + (tag.map { [$0] } ?? [])
        try File.replace(note, with: Array((lines.joined(separator: "\n") + "\n").utf8))
    }

    /// Opens the part to be written on from its end.
    package func openPart() throws(FileError) -> Int32 { try File.open(part, O_RDWR | O_CREAT | O_APPEND) }

    /// The verified part becomes the file.
    package func keepPart() throws(FileError) {
        guard rename(part, file) == 0 else { throw .last }
        unlink(note)
        // After a power cut it may be the part again: then its digest is taken before anything is fetched.
        try? Folder.sync(path)
    }

    package func forgetPart() {
        unlink(part)
        unlink(note)
    }

    /// Removes everything, including what an updater has left. The lock files stay: another process may be waiting for them.
    package func clear() {
        for name in Folder.entries(of: path) where !name.hasSuffix(".lock") { unlink("\(path)/\(name)") }
    }

    /// Whether the file is complete and has this digest.
    package func holds(_ digest: [UInt8]) -> Bool {
        sha256(ofFile: file) == digest
    }
}
