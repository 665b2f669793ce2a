import Glibc
import OperatorText

/// A place on the way to a file that others can change: the file itself, a folder above it, or a link.
package struct OpenPlace: Equatable, Sendable {
    /// The file, the folder or the link.
    package let path: String
    /// What is wrong with it: follows the path in the message.
    package let fault: String
    /// The commands that fix it.
    package let remedy: String

    /// Links that are followed at most, as the kernel does.
    private static let maximumLinks = 40

    /// The first place on the way to a file or folder that somebody other than root and us can change. A user who can write to
    /// a folder can put another file in this one's place, so each folder above it is checked, and each link on the way. In a
    /// folder with the sticky bit, such as /tmp, others cannot rename or remove what is not theirs.
    ///
    /// - Returns: nil if there is none, or if the file does not exist: opening it reports that.
    package static func first(onTheWayTo path: String) -> OpenPlace? {
        var place = ""
        var left = Array(absolute(path).split(separator: "/").reversed())
        var links = 0
        if let open = OpenPlace("/") { return open }
        while let name = left.popLast() {
            guard name != "." else { continue }
            guard name != ".." else {
                place = String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)])
                continue
            }
            let next = "\(place)/\(name)"
            if let open = OpenPlace(next) { return open }
            guard let target = File.target(ofLink: next) else {
                place = next
                continue
            }
            links += 1
            guard links <= maximumLinks else { return nil }
            if target.hasPrefix("/") { place = "" }
            left += target.split(separator: "/").reversed()
        }
        return nil
    }

    /// nil if only root and we can change it.
    private init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        let kind = status.st_mode & S_IFMT
        let isSticky = kind == S_IFDIR && status.st_mode & S_ISVTX != 0
        let isForeign = status.st_uid != 0 && status.st_uid != geteuid()
        // Nobody writes to a link, whatever its mode says: only its owner, and the folder's, can replace it.
        let isWritable = kind != S_IFLNK && status.st_mode & 0o022 != 0 && !isSticky
        guard isForeign || isWritable else { return nil }
        var (faults, commands): ([String], [String]) = ([], [])
        if isForeign {
            faults.append("belongs to user \(status.st_uid)")
            commands.append("chown \(kind == S_IFLNK ? "-h " : "")root \(path)")
        }
        if isWritable {
            faults.append("can be written to by others (mode 0\(String(status.st_mode & 0o7777, radix: 8)))")
            commands.append("chmod go-w \(path)")
        }
        self.path = path
        fault = faults.joined(separator: " and ")
        remedy = commands.joined(separator: " && ")
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }
}

/// Files that decide whom a program trusts and what it does: nobody but root and we may change them, or put others in their
/// place. One rule for the beacon, the bench's servers and its device.
package enum FileTrust {
    /// Checks that a file is a regular one that nobody else can change or replace. If it does not exist, opening it reports that.
    /// - Parameter name: what it is: it precedes the path in the message.
    /// - Throws: `OperatorFault`.
    package static func check(_ path: String, as name: String) throws(OperatorFault) {
        guard !File.isIrregular(path, isFollowing: true) else {
            throw OperatorFault(
                "\(name) \(path) is not a regular file", hint: "put the file itself there: ls -l \(path)")
        }
        try checkPlace(of: path, as: name)
    }

    /// Checks that a file is a program that we may run, and that nobody else can change or replace it.
    /// - Parameters:
    ///   - name: what it is: it precedes the path in the message.
    ///   - remedy: what to do if it does not exist.
    /// - Throws: `OperatorFault`.
    package static func checkProgram(
        _ path: String, as name: String, otherwise remedy: String
    ) throws(OperatorFault) {
        let resolved = realpath(path, nil)
        defer { free(resolved) }
        var status = stat()
        guard let resolved, stat(resolved, &status) == 0 else {
            throw OperatorFault("\(name) \(path) cannot be used: \(String(cString: strerror(errno)))", hint: remedy)
        }
        guard status.st_mode & S_IFMT == S_IFREG, access(resolved, X_OK) == 0 else {
            throw OperatorFault(
                "\(name) \(path) is not a program that we may run", hint: "make it one: chmod 0755 \(path)")
        }
        try checkPlace(of: path, as: name)
    }

    /// Checks that nobody else can change or replace a file or folder.
    /// - Parameter name: what it is: it precedes the path in the message.
    /// - Throws: `OperatorFault`.
    package static func checkPlace(of path: String, as name: String) throws(OperatorFault) {
        guard let open = OpenPlace.first(onTheWayTo: path) else { return }
        let place = open.path == path ? "it" : open.path
        throw OperatorFault("\(name) \(path) can be changed by others: \(place) \(open.fault)", hint: open.remedy)
    }
}
