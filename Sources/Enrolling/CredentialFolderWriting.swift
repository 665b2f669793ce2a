import Files
import Glibc
import Keys
import OperatorText
import SRUP

// What an enrolment, a renewal and a rotation do in the folder.
extension CredentialFolder {
    /// Creates the folder and its parent if they are missing: nothing is created before the service is known.
    /// - Throws: `OperatorFault` if it cannot be created, or if others can access it.
    func make() throws(OperatorFault) {
        mkdir(Folder.of(path), 0o700)
        try Folder.makeOwnerOnly(path, as: "the folder", isWritten: true)
    }

    /// Whether the folder is ours, closed to others, and can be written.
    func check() throws(OperatorFault) { try Folder.checkOwnerOnly(path, as: "the folder", isWritten: true) }

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
        let file: Int32
        do throws(FileError) { file = try File.open(path + "/lock", O_RDWR | O_CREAT) } catch {
            throw unwritable(path + "/lock", error)
        }
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
        for name in Folder.entries(of: path) + Folder.entries(of: newAccess.folder).map({ "access.new/" + $0 }) {
            let parts = name.split(separator: ".")
            guard let last = parts.last, last.count == 16, parts.dropLast().last == "pem",
                Identifier(hexadecimal: last) != nil
            else { continue }
            unlink(path + "/" + name)
        }
    }

    // MARK: - Files

    /// The bytes of a file of at most 64 KiB; nil if there is none.
    /// - Throws: `OperatorFault` if it is there and cannot be read, or is longer: what is in it is not lost.
    func read(_ file: String) throws(OperatorFault) -> [UInt8]? {
        do throws(FileError) { return try File.read(file) } catch {
            if error.isMissing { return nil }
            throw OperatorFault(
                "\(file) cannot be read: \(error)", hint: "run this as the user that owns it: ls -l \(file)")
        }
    }

    /// Writes a whole file: it is on disk before it replaces the old one.
    func write(_ bytes: [UInt8], to file: String, mode: mode_t = 0o600) throws(OperatorFault) {
        do throws(FileError) { try File.replace(file, with: bytes, mode: mode) } catch { throw unwritable(file, error) }
    }

    func unwritable(_ file: String, _ error: FileError) -> OperatorFault {
        OperatorFault(
            "\(file) cannot be written: \(error)",
            hint: "make room, or check that this user may write there; then run this again")
    }

    /// Overwrites a key's file and removes it.
    func destroy(_ file: String) throws(OperatorFault) {
        do throws(FileError) { try File.destroy(file) } catch { throw unwritable(file, error) }
    }

    func sync() throws(OperatorFault) {
        do throws(FileError) { try Folder.sync(path) } catch { throw unwritable(path, error) }
    }

    // MARK: - The access files as one

    /// The new access files replace those in use, which are kept as the old ones.
    /// A process that is killed here leaves either the one or the other, and each is complete.
    /// - Parameter step: is called between every two steps, for tests.
    func takeNewAccess(_ step: () -> Void) throws(OperatorFault) {
        let numbers = Folder.entries(of: path).compactMap {
            $0.wholeMatch(of: /access-([0-9]{1,9})/).flatMap { Int($0.1) }
        }
        let name = "access-\((numbers.max() ?? 0) + 1)"
        guard rename(newAccess.folder, path + "/" + name) == 0 else { throw unwritable(path + "/" + name, .last) }
        try sync()
        step()
        if let used = File.target(ofLink: access.folder) { try link(oldAccess.folder, to: used) }
        step()
        try link(access.folder, to: name)
        step()
        removeUnusedAccess()
    }

    /// Those that neither link names: superseded twice, or left by a process that was killed. Age alone never removes one.
    private func removeUnusedAccess() {
        let used = [File.target(ofLink: access.folder), File.target(ofLink: oldAccess.folder)]
        for name in Folder.entries(of: path)
        where name.wholeMatch(of: /access-[0-9]{1,9}/) != nil && !used.contains(name) {
            let files = AccessFiles(folder: path + "/" + name)
            for file in [files.key, files.certificate, files.authority, files.givenAuthority] { unlink(file) }
            rmdir(files.folder)
        }
    }

    private func link(_ place: String, to name: String) throws(OperatorFault) {
        let temporary = place + ".link"
        unlink(temporary)
        guard symlink(name, temporary) == 0, rename(temporary, place) == 0 else { throw unwritable(place, .last) }
        try sync()
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
