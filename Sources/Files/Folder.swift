import Glibc
import OperatorText

/// Folders: who may access them, what is in them, and their entries on disk.
package enum Folder {
    /// Creates a folder for its owner only if it does not exist, and checks the one that does.
    /// - Parameters:
    ///   - name: what the folder is for: it precedes the path in the error's message.
    ///   - isWritten: whether we must be able to write to it, too.
    /// - Throws: `OperatorFault`.
    package static func makeOwnerOnly(
        _ path: String, as name: String, isWritten: Bool = false
    ) throws(OperatorFault) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw OperatorFault(
                "\(name) \(path) cannot be created: \(FileError.last(creating: path))",
                hint: "create it for the user that runs this: install -d -m 0700 -o USER \(path)")
        }
        try checkOwnerOnly(path, as: name, isWritten: isWritten)
    }

    /// Checks that a folder is ours and that nobody else can access it.
    /// - Parameters:
    ///   - name: what the folder is for: it precedes the path in the error's message.
    ///   - isWritten: whether we must be able to write to it, too.
    /// - Throws: `OperatorFault`.
    package static func checkOwnerOnly(
        _ path: String, as name: String, isWritten: Bool = false
    ) throws(OperatorFault) {
        var status = stat()
        guard stat(path, &status) == 0 || errno != ENOENT else {
            throw OperatorFault(
                "\(name) \(path) does not exist",
                hint: "correct the path, or create the folder: install -d -m 0700 -o USER \(path)")
        }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw OperatorFault(
                "\(name) \(path) is not a folder owned by this user",
                hint: "run this as the user that owns it, or give that user the folder: chown USER \(path)")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw OperatorFault(
                "\(name) \(path) is accessible to others (mode 0\(String(status.st_mode & 0o7777, radix: 8)))",
                hint: "restrict it: chmod 0700 \(path)")
        }
        guard !isWritten || access(path, W_OK) == 0 else {
            throw OperatorFault(
                "\(name) \(path) cannot be written to: \(FileError.last)",
                hint: "mount it writable: findmnt -T \(path)")
        }
    }

    /// Checks that a folder is as `makeOwnerOnly` would leave it, or that it could be created: nothing is changed.
    /// - Throws: `OperatorFault`.
    package static func checkOwnerOnlyOrFree(_ path: String, as name: String) throws(OperatorFault) {
        var status = stat()
        guard stat(path, &status) != 0, errno == ENOENT else {
            return try checkOwnerOnly(path, as: name, isWritten: true)
        }
        let around = of(path)
        guard access(around, W_OK | X_OK) == 0 else {
            throw OperatorFault(
                "\(name) \(path) does not exist, and cannot be created in \(around): \(FileError.last)",
                hint: "create it for the user that runs this: install -d -m 0700 -o USER \(path)")
        }
    }

    /// Whether the file system of a folder counts inodes, and has none left, while it has room for bytes.
    package static func hasNoInodes(_ path: String) -> Bool {
        var room = statvfs()
        return statvfs(path, &room) == 0 && room.f_files > 0 && room.f_favail == 0 && room.f_bavail > 0
    }

    /// A path behind symbolic links; as it is if there is nothing. SQLite follows none (SQLITE_OPEN_NOFOLLOW).
    package static func resolved(_ path: String) -> String {
        let resolved = realpath(path, nil)
        defer { free(resolved) }
        return resolved.map { String(cString: $0) } ?? path
    }

    /// The folder of a path: `.` for a name alone.
    package static func of(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Puts a folder's entries on disk: a file that was created, renamed or unlinked in it stays so after a power cut.
    /// - Throws: `.system`. File systems that cannot do this (EINVAL) and folders that we may not read count as synced: there is
    ///   nothing more that can be done.
    package static func sync(_ path: String) throws(FileError) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else {
            guard errno == EACCES else { throw .last }
            return
        }
        defer { close(folder) }
        guard fsync(folder) == 0 || errno == EINVAL else { throw .last }
    }

    /// The same for the folder of a path.
    package static func sync(of path: String) throws(FileError) { try sync(of(path)) }

    /// The names in a folder, in no particular order and without `.` and `..`; none if it cannot be read.
    package static func entries(of path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            // 64-bit lengths vary by file system: the name ends with a zero byte.
            let name = withUnsafePointer(to: &entry.pointee.d_name) { place in
                place.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
