import Glibc
import Keys
import OperatorText
import SRUP

// What an enrolment, a renewal and a rotation do in the folder.
extension CredentialFolder {
    /// Creates the folder and its parent if they are missing: nothing is created before the service is known.
    /// - Throws: `OperatorFault` if it cannot be created, or if others can access it.
    func make() throws(OperatorFault) {
        if let around = path.lastIndex(of: "/").map({ String(path[..<$0]) }), !around.isEmpty { mkdir(around, 0o700) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw OperatorFault(
                "the folder \(path) cannot be made: \(String(cString: strerror(errno)))",
                hint: "make it for the beacon's user: install -d -m 0700 -o USER \(path)")
        }
        try check()
    }

    /// Whether the folder is ours, closed to others, and can be written.
    func check() throws(OperatorFault) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw OperatorFault(
                "\(path) is not a folder of this user's",
                hint: "run this as the beacon's user, or give it the folder: chown USER \(path)")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw OperatorFault(
                "the folder \(path) is open to others (mode 0\(String(status.st_mode & 0o7777, radix: 8)))",
                hint: "close it: chmod 0700 \(path)")
        }
        guard Glibc.access(path, W_OK) == 0 else {
            throw OperatorFault("the folder \(path) cannot be written", hint: "mount it writable: findmnt -T \(path)")
        }
    }

    /// Whether two names are one file's.
    func isSameFile(_ one: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        return lstat(one, &first) == 0 && lstat(other, &second) == 0 && first.st_ino == second.st_ino
            && first.st_dev == second.st_dev
    }

    // MARK: - One at a time

    /// Locks the folder against other processes until this one ends or the descriptor is closed.
    /// - Throws: `OperatorFault` if another process holds the lock.
    func lock() throws(OperatorFault) -> Int32 {
        let file = openRegularFile(path + "/lock", O_RDWR | O_CREAT)
        guard file >= 0 else { throw unwritable(path + "/lock", errno) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            close(file)
            throw OperatorFault(
                "another enrol, renew or rotate is running in \(path)",
                hint: "wait until it has ended, then run this again")
        }
        return file
    }

    /// Keys that were being written when a process was killed: they never got their final name, and nobody has used them.
    func removeUnfinished() {
        for name in entries(of: path) + entries(of: newAccess.folder).map({ "access.new/" + $0 }) {
            let parts = name.split(separator: ".")
            guard let last = parts.last, last.count == 16, parts.dropLast().last == "pem",
                Identifier(hexadecimal: last) != nil
            else { continue }
            unlink(path + "/" + name)
        }
    }

    private func entries(of folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { names.append(String(cString: $0)) }
            }
        }
        return names
    }

    // MARK: - Files

    /// The bytes of a file of at most 64 KiB; nil if there is none.
    func read(_ file: String) -> [UInt8]? { smallFile(file, following: false) }

    /// Writes a whole file: it is on disk before it replaces the old one.
    func write(_ bytes: [UInt8], to file: String, mode: mode_t = 0o600) throws(OperatorFault) {
        let temporary = file + ".new"
        // A killed process, or another user, may have left something there: it must be a file of our own, or missing.
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw unwritable(file, errno) }
        let count = Glibc.write(descriptor, bytes, bytes.count)
        let number = count < 0 ? errno : count < bytes.count ? ENOSPC : 0
        let isKept = number == 0 && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0
        let fault = number != 0 ? number : errno
        close(descriptor)
        guard isKept, rename(temporary, file) == 0 else {
            unlink(temporary)
            throw unwritable(file, isKept ? errno : fault)
        }
        sync(folder: file.lastIndex(of: "/").map { String(file[..<$0]) } ?? ".")
    }

    func unwritable(_ file: String, _ number: Int32) -> OperatorFault {
        OperatorFault(
            "\(file) cannot be written: \(fileFault(number))",
            hint: "make room, or check that this user may write there; then run this again")
    }

    func sync(folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    // MARK: - The access files as one

    /// The new access files replace those in use, which are kept as the old ones.
    /// A process that is killed here leaves either the one or the other, and each is complete.
    /// - Parameter step: is called between every two steps, for tests.
    func takeNewAccess(_ step: () -> Void) throws(OperatorFault) {
        let numbers = entries(of: path).compactMap { $0.wholeMatch(of: /access-([0-9]{1,9})/).flatMap { Int($0.1) } }
        let name = "access-\((numbers.max() ?? 0) + 1)"
        guard rename(newAccess.folder, path + "/" + name) == 0 else { throw unwritable(path + "/" + name, errno) }
        sync(folder: path)
        step()
        if let used = target(of: access.folder) { try link(oldAccess.folder, to: used) }
        step()
        try link(access.folder, to: name)
        step()
        removeUnusedAccess()
    }

    /// Those that neither link names: superseded twice, or left by a process that was killed. Age alone never removes one.
    private func removeUnusedAccess() {
        let used = [target(of: access.folder), target(of: oldAccess.folder)]
        for name in entries(of: path) where name.wholeMatch(of: /access-[0-9]{1,9}/) != nil && !used.contains(name) {
            let files = AccessFiles(folder: path + "/" + name)
            for file in [files.key, files.certificate, files.authority] { unlink(file) }
            rmdir(files.folder)
        }
    }

    private func target(of link: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 64)
        let count = readlink(link, &bytes, 64)
        return (1..<64).contains(count)
            ? String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    private func link(_ place: String, to name: String) throws(OperatorFault) {
        let temporary = place + ".link"
        unlink(temporary)
        guard symlink(name, temporary) == 0, rename(temporary, place) == 0 else { throw unwritable(place, errno) }
        sync(folder: path)
    }

    // MARK: - Setting aside

    /// Renames the whole folder, so that nothing uses it, and returns its new name.
    public func setAside() throws(OperatorFault) -> String { try CredentialFolder.setAside(path) }

    /// Renames a file or folder to the first of `.old-1`, `.old-2`, … that is free.
    public static func setAside(_ path: String) throws(OperatorFault) -> String {
        var number = 1
        var status = stat()
        while lstat("\(path).old-\(number)", &status) == 0 { number += 1 }
        let aside = "\(path).old-\(number)"
        guard rename(path, aside) == 0 else {
            throw OperatorFault(
                "\(path) cannot be renamed to \(aside): \(String(cString: strerror(errno)))",
                hint: "let this user write the folder around it")
        }
        return aside
    }
}

/// The bytes of a regular file of less than 64 KiB; nil if there is none.
/// - Parameter isFollowing: whether it may be reached over a link.
func smallFile(_ file: String, following isFollowing: Bool = true) -> [UInt8]? {
    let descriptor = openRegularFile(file, O_RDONLY, isFollowing: isFollowing)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return smallContents(of: descriptor)
}

/// All bytes from a descriptor, if they are less than 64 KiB.
func smallContents(of descriptor: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var length = 0
    while length < bytes.count {
        let room = bytes.count - length
        let count = bytes.withUnsafeMutableBytes {
            Glibc.read(descriptor, $0.baseAddress.map { $0 + length }, room)
        }
        guard count >= 0 else { return nil }
        if count == 0 { return Array(bytes[..<length]) }
        length += count
    }
    return nil
}
