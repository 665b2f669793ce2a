import CLinux
import Glibc

/// Regular files: opened without waiting, read up to a bound, and written so that there is a whole file or none.
package enum File {
    /// 64 KiB: keys, certificates, tokens and small state.
    package static let smallLength = 65_536

    // MARK: - Opening

    /// Opens a regular file, and nothing else: a FIFO in its place would block until another process opens it, and a device
    /// can do anything.
    /// - Parameters:
    ///   - flags: `O_RDONLY` and so on.
    ///   - mode: of a file that is created.
    ///   - isFollowing: whether the file may be reached over a link: for files that the operator names.
    /// - Returns: the descriptor, which the caller closes; it is not inherited by other programs.
    /// - Throws: `.irregular`, `.system`.
    package static func open(
        _ path: String, _ flags: Int32, mode: mode_t = 0o600, isFollowing: Bool = false
    ) throws(FileError) -> Int32 {
        let file = Glibc.open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (isFollowing ? 0 : O_NOFOLLOW), mode)
        guard file >= 0 else {
            // The kernel's answers to a link, a FIFO without a reader or a socket, and a folder.
            let isOther = errno == ENXIO || errno == EISDIR || (errno == ELOOP && !isFollowing)
            throw isOther ? .irregular : .last(creating: path)
        }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw .irregular
        }
        return file
    }

    /// Which file is at a path: another one there, or none, has another identity.
    package struct Identity: Equatable, Sendable {
        private let device: UInt64
        private let inode: UInt64

        /// Of the file at a path, behind a link; nil: there is none.
        package init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
        }
    }

    /// Whether something is at a path that is not a regular file: a link is not one here.
    /// - Parameter isFollowing: whether what a link leads to counts.
    package static func isIrregular(_ path: String, isFollowing: Bool = false) -> Bool {
        var status = stat()
        guard (isFollowing ? stat(path, &status) : lstat(path, &status)) == 0 else { return false }
        return status.st_mode & S_IFMT != S_IFREG
    }

    /// What a symbolic link contains; nil if the path is not one.
    package static func target(ofLink path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    // MARK: - Reading

    /// The bytes of a regular file.
    /// - Parameters:
    ///   - limit: the most bytes that it may have.
    ///   - isFollowing: whether the file may be reached over a link: for files that the operator names.
    /// - Throws: `FileError`; a file that is too long is never cut.
    package static func read(
        _ path: String, atMost limit: Int = smallLength, isFollowing: Bool = false
    ) throws(FileError) -> [UInt8] {
        let file = try open(path, O_RDONLY, isFollowing: isFollowing)
        defer { close(file) }
        return try read(descriptor: file, atMost: limit)
    }

    /// The bytes of what the operator names: standard input for `-`, a file, or the output of another program
    /// (`<(program)`), which is waited for.
    /// - Throws: `.tooLong`, `.system`.
    package static func readInput(_ path: String, atMost limit: Int) throws(FileError) -> [UInt8] {
        guard path != "-" else { return try read(descriptor: STDIN_FILENO, atMost: limit) }
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .last }
        defer { close(file) }
        return try read(descriptor: file, atMost: limit)
    }

    /// All bytes from a descriptor.
    /// - Throws: `.tooLong`, `.system`.
    package static func read(descriptor: Int32, atMost limit: Int) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            // One byte more than the limit tells a file of that length from a longer one.
            let room = min(smallLength, limit + 1 - bytes.count)
            var count = 0
            let piece = [UInt8](unsafeUninitializedCapacity: room) { buffer, length in
                count = readOnce(descriptor, UnsafeMutableRawBufferPointer(buffer))
                length = max(0, count)
            }
            guard count >= 0 else { throw .last }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= limit else { throw .tooLong(limit: limit) }
            bytes += piece
        }
    }

    /// Reads a small secret into a buffer that the caller wipes.
    /// - Returns: how many bytes there are.
    /// - Throws: `.tooLong` if the buffer has no room for them; `.system`.
    package static func read(descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        var length = 0
        while length < buffer.count {
            let count = readOnce(descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[length...]))
            guard count >= 0 else { throw .last }
            guard count > 0 else { return length }
            length += count
        }
        throw .tooLong(limit: buffer.count - 1)
    }

    private static func readOnce(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            guard count < 0, errno == EINTR else { return count }
        }
    }

    // MARK: - Writing

    /// Replaces a file by a new one that is on disk before it takes the old one's name.
    /// - Parameters:
    ///   - mode: of the new file, whatever the umask is.
    ///   - isSynced: whether a power cut must leave one of the two; not needed if the file is rewritten regularly.
    /// - Throws: `.system`; then the old file is there as before, unless only the folder could not be synced.
    package static func replace(
        _ path: String, with bytes: [UInt8], mode: mode_t = 0o600, isSynced: Bool = true
    ) throws(FileError) {
        let temporary = path + ".new"
        // A killed process, or in a folder of others anybody, may have left something there: it must be a file of our own.
        guard unlink(temporary) == 0 || errno == ENOENT else { throw .last }
        do throws(FileError) {
            try bytes.withUnsafeBufferPointer { bytes throws(FileError) in
                try writeNew(temporary, UnsafeRawBufferPointer(bytes), mode: mode, isSynced: isSynced)
            }
            guard Glibc.rename(temporary, path) == 0 else { throw .last }
        } catch {
            unlink(temporary)
            throw error
        }
        if isSynced { try Folder.sync(of: path) }
    }

    /// Creates a file, whole or not at all, and never over another.
    /// - Throws: `.system`; EEXIST if there is something at the path.
    package static func create(_ path: String, _ bytes: UnsafeRawBufferPointer, mode: mode_t) throws(FileError) {
        // A name of our own: another process may be creating the same file.
        let number = String(UInt64.random(in: 0 ... .max), radix: 16)
        let temporary = "\(path).\(String(repeating: "0", count: 16 - number.count))\(number)"
        defer { unlink(temporary) }
        try writeNew(temporary, bytes, mode: mode, isSynced: true)
        try rename(temporary, toFree: path)
        do throws(FileError) { try Folder.sync(of: path) } catch {
            unlink(path)
            throw error
        }
    }

    private static func writeNew(
        _ path: String, _ bytes: UnsafeRawBufferPointer, mode: mode_t, isSynced: Bool
    ) throws(FileError) {
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw .last(creating: path) }
        defer { close(file) }
        try write(bytes, to: file)
        // `fchmod` because of the umask; `fsync` because of a power cut.
        guard fchmod(file, mode) == 0, !isSynced || fsync(file) == 0 else { throw .last }
    }

    /// Writes all bytes to a descriptor.
    /// - Throws: `.system`; ENOSPC and so on even if some bytes could be written.
    package static func write(_ bytes: [UInt8], to descriptor: Int32) throws(FileError) {
        try bytes.withUnsafeBufferPointer { bytes throws(FileError) in
            try write(UnsafeRawBufferPointer(bytes), to: descriptor)
        }
    }

    /// Writes all bytes of a buffer to a descriptor.
    /// - Throws: `.system`; ENOSPC and so on even if some bytes could be written.
    package static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            guard count >= 0 || errno == EINTR else { throw .last }
            written += max(0, count)
        }
    }

    /// How a file gets a name that must be free.
    enum Renaming: CaseIterable {
        /// `renameat2`: one step. Some file systems do not have it.
        case exclusively
        /// A second name for the file, then the first one goes. FAT has no second names.
        case linking
        /// An empty file takes the name, and is replaced. A process that is killed in between leaves the empty file.
        case claiming
    }

    /// Gives a file another name, which nothing has yet. It is not on disk before the folder is synced.
    /// - Parameter ways: which are tried; one that the file system does not have is followed by the next.
    /// - Throws: `.system`; EEXIST if there is something at the path. The file then has its old name.
    package static func rename(_ old: String, toFree new: String) throws(FileError) {
        try rename(old, toFree: new, ways: Renaming.allCases)
    }

    static func rename(_ old: String, toFree new: String, ways: [Renaming]) throws(FileError) {
        var fault = FileError.system(ENOSYS)
        for way in ways {
            do throws(FileError) { return try rename(old, new, way) } catch {
                let isMissing = [EINVAL, ENOSYS, EPERM, EOPNOTSUPP, EMLINK].contains { error == .system($0) }
                guard isMissing else { throw error }
                fault = error
            }
        }
        throw fault
    }

    private static func rename(_ old: String, _ new: String, _ way: Renaming) throws(FileError) {
        switch way {
        case .exclusively: guard clinux_rename_to_free(old, new) == 0 else { throw .last }
        case .linking:
            guard link(old, new) == 0 else { throw .last(creating: new) }
            unlink(old)
        case .claiming:
            let claim = Glibc.open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard claim >= 0 else { throw .last(creating: new) }
            close(claim)
            guard Glibc.rename(old, new) == 0 else {
                let fault = FileError.last
                unlink(new)
                throw fault
            }
        }
    }

    // MARK: - Destroying

    /// Overwrites a file with zeros, on disk, and unlinks it. A file that does not exist counts as destroyed; what is not a
    /// regular file is only unlinked.
    /// - Throws: `.system`: why it is still there, or why it was unlinked without being overwritten.
    package static func destroy(_ path: String) throws(FileError) {
        var fault: FileError?
        do throws(FileError) { try overwrite(path) } catch {
            if error.isMissing { return }
            if error != .irregular { fault = error }
        }
        guard unlink(path) == 0 else { throw .last }
        // The zeros are on disk: if the name comes back after a power cut, nothing is in the file.
        try? Folder.sync(of: path)
        if let fault { throw fault }
    }

    private static func overwrite(_ path: String) throws(FileError) {
        let file: Int32
        do throws(FileError) { file = try open(path, O_WRONLY) } catch {
            // A key may be write-protected, against mistakes.
            guard error == .system(EACCES), chmod(path, 0o600) == 0 else { throw error }
            file = try open(path, O_WRONLY)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .last }
        let zeros = [UInt8](repeating: 0, count: 4_096)
        var left = Int(status.st_size)
        while left > 0 {
            let count = Glibc.write(file, zeros, min(left, zeros.count))
            guard count > 0 || errno == EINTR else { throw .last }
            left -= max(0, count)
        }
        guard fsync(file) == 0 else { throw .last }
    }
}
