import Glibc

/// Why something could not be done with a file or a folder.
package enum FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A folder, a FIFO, a device, a socket, or a link where none is followed.
    case irregular
    /// The file has more bytes than the reader takes.
    case tooLong(limit: Int)
    /// The file system has room for bytes, and for no further file.
    case noInodes
    /// The system's error number.
    case system(Int32)

    /// What the last call left in `errno`.
    package static var last: FileError { .system(errno) }

    /// The same for a file or folder that could not be created: a disk without inodes counts as full, and is not full.
    /// - Parameter path: of the new file.
    package static func last(creating path: String) -> FileError {
        let number = errno
        return number == ENOSPC && Folder.hasNoInodes(Folder.of(path)) ? .noInodes : .system(number)
    }

    /// Whether there is no such file.
    package var isMissing: Bool { self == .system(ENOENT) }

    /// Whether the disk is full, or what this user may have of it.
    package var isFullDisk: Bool { self == .system(ENOSPC) || self == .system(EDQUOT) || self == .noInodes }

    /// The end of a sentence such as "FILE cannot be read: ".
    package var description: String {
        switch self {
        case .irregular: "it is not a regular file"
        case .tooLong(let limit): "it is longer than \(limit) bytes"
        case .noInodes: "the file system has no inodes left (df -i)"
        case .system(let number): String(cString: strerror(number))
        }
    }
}
