import Foundation
import Glibc

/// A terminal for a command under test: the test reads what the command shows, and types.
package final class PseudoTerminal {
    /// Its device, for a child's standard input and output.
    package let path: String
    /// What was shown so far, with its escape sequences.
    package private(set) var said = ""
    private let master: Int32
    /// Keeps it open while no child has it.
    private let holder: Int32

    package init() throws {
        // What posix_openpt, unlockpt and ptsname do, which Glibc's module does not have.
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (unlocked, number): (Int32, UInt32) = (0, 0)
        guard ioctl(master, 0x4004_5431, &unlocked) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
            throw NotInTime(what: "a terminal: errno \(errno)")
        }
        path = "/dev/pts/\(number)"
        holder = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
    }

    deinit {
        close(holder)
        close(master)
    }

    /// Waits until this has been shown.
    package func hear(_ words: String, within seconds: Double = 30) throws {
        try eventually("\(words): \(said)", within: seconds) {
            var polled = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
            var piece = [UInt8](repeating: 0, count: 65_536)
            guard poll(&polled, 1, 50) > 0 else { return said.contains(words) }
            said += String(decoding: piece[..<max(0, read(master, &piece, piece.count))], as: UTF8.self)
            return said.contains(words)
        }
    }

    package func type(_ text: String) { _ = write(master, text, text.utf8.count) }
}
