import Files
import Glibc
import HumanView
import OperatorText
import SRUP

/// The work of `srup-bench view`: a value as a picture or text.
public struct ViewTask {
    /// What is shown.
    public enum Kind: Sendable {
        /// One of the views that two ends can be pinned to.
        case human(HumanView)
        /// A QR code.
        case qrCode

        /// The kind of this name: a view's name, or `qr`.
        public init?(name: String) {
            if name == "qr" {
                self = .qrCode
            } else if let view = HumanView(rawValue: name) {
                self = .human(view)
            } else {
                return nil
            }
        }

        /// All names.
        public static var names: [String] { HumanView.allCases.map(\.rawValue) + ["qr"] }
    }

    /// The output format.
    public enum Form: String, CaseIterable, Sendable { case terminal, svg, png }

    private let picture: Picture
    private let form: Form

    /// A task.
    /// - Parameters:
    ///   - value: 32 hexadecimal digits, with or without the hyphens of 8-4-4-4-12; `-`: from standard input.
    ///   - kind: what is shown.
    ///   - form: the output format.
    /// - Throws: `OperatorFault` if it is not a valid value, `LibraryFault` if a library is not installed.
    public init(_ value: String, as kind: Kind, form: Form) throws {
        let value = try ViewTask.secret(value == "-" ? try readInput("-", atMost: 64) : Array(value.utf8))
        switch kind {
        case .human(let view): picture = view.picture(of: value)
        case .qrCode: picture = try Picture.qrCode(of: value)
        }
        self.form = form
    }

    /// A QR code of a text.
    /// - Parameter text: at most `Picture.maximumCodeText` bytes.
    /// - Throws: `LibraryFault` if a library is not installed.
    public init(qrCodeOf text: String, form: Form) throws(LibraryFault) {
        (picture, self.form) = (try Picture.qrCode(ofText: text), form)
    }

    /// Checks that a text is a value.
    /// - Throws: `OperatorFault`, which does not repeat it.
    public static func check(_ value: String) throws(OperatorFault) { _ = try secret(Array(value.utf8)) }

    /// Digits and hyphens as a value.
    static func secret(_ text: [UInt8]) throws(OperatorFault) -> Secret {
        var digits = text.filter { !" \t\r\n".utf8.contains($0) }
        defer { digits.withUnsafeMutableBytes { wipe($0) } }
        let hyphen = UInt8(ascii: "-")
        if digits.count == 36, [8, 13, 18, 23].allSatisfy({ digits[$0] == hyphen }) {
            digits.removeAll { $0 == hyphen }
        }
        guard digits.count == 2 * Secret.length, let secret = digits.withUnsafeBytes({ Secret(plainText: $0) }) else {
            throw OperatorFault(
                "the value is not 128 bits in hexadecimal digits",
                hint: "give 32 digits, or 8-4-4-4-12 of them with hyphens, or - for standard input")
        }
        return secret
    }

    /// Writes the picture to a file, or to standard output if that can show it.
    /// - Throws: `OperatorError`.
    public func write(to path: String?) throws {
        let isTerminal = path == nil && isatty(STDOUT_FILENO) == 1
        if form == .png, isTerminal {
            throw OperatorFault("a PNG file cannot be shown on a terminal", hint: "name a file with --output")
        }
        let bytes = try bytes(isTerminal: isTerminal)
        guard let path else { return try write(bytes, to: STDOUT_FILENO, named: "standard output") }
        // The file shows the value or a token, so only its owner may read it, also where there was a file.
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw unwritable(path, .last) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw unwritable(path, .last) }
        if status.st_mode & S_IFMT == S_IFREG {
            guard fchmod(file, 0o600) == 0, ftruncate(file, 0) == 0 else { throw unwritable(path, .last) }
        }
        try write(bytes, to: file, named: path)
    }

    private func bytes(isTerminal: Bool) throws(LibraryFault) -> [UInt8] {
        switch form {
        case .terminal:
            let style = TerminalStyle(isTerminal: isTerminal) { name in getenv(name).map { String(cString: $0) } }
            return Array(picture.terminal(style).utf8)
        case .svg: return Array(picture.svg.utf8)
        case .png: return try picture.png()
        }
    }

    private func write(_ bytes: [UInt8], to file: Int32, named name: String) throws(OperatorFault) {
        do throws(FileError) { try File.write(bytes, to: file) } catch { throw unwritable(name, error) }
    }

    private func unwritable(_ name: String, _ error: FileError) -> OperatorFault {
        OperatorFault("\(name) cannot be written: \(error)", hint: "give --output a place that is writable")
    }
}
