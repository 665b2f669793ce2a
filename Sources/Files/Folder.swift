import Glibc

/// Why a folder cannot hold what is for its owner only.
package struct FolderFault: Error, Equatable, Sendable {
    package enum Reason: Equatable, Sendable {
        /// It does not exist and cannot be created.
        case notCreated(FileError)
        /// It belongs to another user, or is not a folder.
        case notOurs
        /// Group or others have access; its permission bits.
        case exposed(mode: mode_t)
        /// It cannot be written to.
        case notWritable
    }

    /// What the folder is for: it precedes the path in the message.
    let name: String
    let path: String
    package let reason: Reason

    /// What is wrong; lower case, no full stop.
    package var message: String {
        switch reason {
        case .notCreated(let error): "\(name) \(path) cannot be created: \(error)"
        case .notOurs: "\(name) \(path) is not a folder owned by this user"
        case .exposed(let mode): "\(name) \(path) is accessible to others (mode 0\(String(mode, radix: 8)))"
        case .notWritable: "\(name) \(path) cannot be written to"
        }
    }

    /// What to do about it.
    package var hint: String {
        switch reason {
        case .notCreated: "create it for the user that runs this: install -d -m 0700 -o USER \(path)"
        case .notOurs: "run this as the user that owns it, or give that user the folder: chown USER \(path)"
        case .exposed: "restrict it: chmod 0700 \(path)"
        case .notWritable: "mount it writable: findmnt -T \(path)"
        }
    }
}

/// Folders: who may access them, what is in them, and their entries on disk.
package enum Folder {
    /// Creates a folder for its owner only if it does not exist, and checks the one that does.
    /// - Parameter name: what the folder is for: it precedes the path in the fault's message.
    /// - Throws: `FolderFault`; never `.notWritable`.
    package static func makeOwnerOnly(_ path: String, as name: String) throws(FolderFault) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw FolderFault(name: name, path: path, reason: .notCreated(.last))
        }
        try checkOwnerOnly(path, as: name)
    }

    /// Checks that a folder is ours and that nobody else can access it.
    /// - Parameter isWritten: whether we must be able to write to it, too.
    /// - Throws: `FolderFault`.
    package static func checkOwnerOnly(
        _ path: String, as name: String, isWritten: Bool = false
    ) throws(FolderFault) {
        func fault(_ reason: FolderFault.Reason) -> FolderFault { FolderFault(name: name, path: path, reason: reason) }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw fault(.notOurs)
        }
        guard status.st_mode & 0o077 == 0 else { throw fault(.exposed(mode: status.st_mode & 0o7777)) }
        guard !isWritten || access(path, W_OK) == 0 else { throw fault(.notWritable) }
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
