import EventLoop
import Files
import Glibc
import OperatorText

/// A file that holds a registration code: its text, or a picture of it. Its author is not trusted: it is bounded in bytes, and a picture is
/// decoded by a program of its own, zbarimg, with bounds on its time and memory.
struct CodeFile {
    /// In bytes: the photograph of a telephone has fewer.
    static let maximumPicture = 32 << 20
    private static let timeLimit = Duration.seconds(20)
    /// Bytes of address space: enough for a photograph of 50 million pixels, and an end to pictures that are larger than they look.
    private static let memoryLimit = 2 << 30

    private let path: String
    private let reader: String

    /// - Parameter reader: the program that reads pictures.
    init(_ path: String, reader: String = "/usr/bin/zbarimg") { (self.path, self.reader) = (path, reader) }

    /// The code's text.
    /// - Throws: `OperatorFault`, which repeats nothing of the content.
    func text() throws(OperatorFault) -> String {
        let file: Int32
        do throws(FileError) { file = try File.open(path, O_RDONLY, isFollowing: true) } catch {
            throw unreadable(error)
        }
        defer { close(file) }
        let format: String?
        do throws(FileError) {
            format = try CodeFile.format(of: file)
            if format == nil {
                return CodeFile.trimmed(try File.read(descriptor: file, atMost: RegistrationCode.maximumLength + 2))
            }
        } catch { throw unreadable(error) }
        return try picture(file, format ?? "")
    }

    private func unreadable(_ error: FileError) -> OperatorFault {
        OperatorFault(
            "the registration code in \(path) cannot be read: \(error)",
            hint: "name a text of one line, or a picture (PNG or JPEG) of the code")
    }

    /// Without the blanks and the end of line around it.
    static func trimmed(_ bytes: [UInt8]) -> String {
        let start = bytes.drop { $0 <= 0x20 }
        let end = start.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? start.startIndex
        return String(decoding: start[..<end], as: UTF8.self)
    }

    /// How a picture is encoded, from its first bytes; nil: it is not a picture. A decoder is never chosen by a file's name.
    private static func format(of file: Int32) throws(FileError) -> String? {
        var head = [UInt8](repeating: 0, count: 8)
        let count = pread(file, &head, head.count, 0)
        guard count >= 0 else { throw .last }
        let isPNG = head == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        guard isPNG || head.starts(with: [0xFF, 0xD8, 0xFF]) else { return nil }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .last }
        guard status.st_size <= maximumPicture else { throw .tooLong(limit: maximumPicture) }
        return isPNG ? "png" : "jpeg"
    }

    /// Has a picture read. The reader gets the very file that was looked at, as its third descriptor, and nothing that it writes is used but
    /// one line.
    private func picture(_ file: Int32, _ format: String) throws(OperatorFault) -> String {
        guard access(reader, X_OK) == 0 else {
            throw OperatorFault(
                "a picture of a registration code is read by zbarimg, which is not installed",
                hint: "sudo apt-get install zbar-tools; or give - and the code's text on standard input")
        }
        // No file is written, and nothing is said on the message bus, where other programs would hear the token.
        let bounds = ["--as=\(CodeFile.memoryLimit)", "--cpu=20", "--core=0", "--fsize=0"]
        let environment = ["/usr/bin/env", "MAGICK_THREAD_LIMIT=1", "OMP_NUM_THREADS=1"]
        let options = ["--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable", "\(format):/dev/fd/3"]
        let end = ChildProcess.run(
            "/usr/bin/prlimit", bounds + environment + [reader] + options, limit: CodeFile.timeLimit, holding: file)
        guard end.output.count <= 1 else {
            throw OperatorFault(
                "\(path) shows \(end.output.count) QR codes", hint: "make a picture of the registration code alone")
        }
        if let line = end.output.first { return line }
        // Its own number for a picture that it could read, and that shows nothing.
        let isEmpty = end.status.map { $0 >> 8 & 0xFF == 4 } ?? false
        throw OperatorFault(
            isEmpty ? "there is no QR code in \(path)" : "\(path) cannot be read as a picture",
            hint:
                "make the picture again, straight from the front and closer; or give - and the code's text on standard input"
        )
    }
}
