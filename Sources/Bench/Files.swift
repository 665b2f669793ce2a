import Files
import FoundationEssentials
import Keys
import OperatorText
import SRUP

/// The bytes of a file, of another program's output, or of standard input for `-`.
/// - Parameter limit: the most bytes that there may be.
/// - Throws: `OperatorFault`.
package func readInput(_ path: String, atMost limit: Int) throws(OperatorFault) -> [UInt8] {
    do throws(FileError) { return try File.readInput(path, atMost: limit) } catch {
        throw OperatorFault(
            "\(path == "-" ? "standard input" : path) cannot be read: \(error)",
            hint: error == .tooLong(limit: limit)
                ? "check that it is the right file" : "name a file that exists and is readable")
    }
}

extension Decoded {
    /// In bytes: more than any frame in hexadecimal needs.
    private static let maximumInput = 3 * UnverifiedFrame.maximumLength

    /// Decodes the frame in a file, with keys from files.
    /// - Parameters:
    ///   - file: hexadecimal or raw; `-` is standard input.
    ///   - verifier: PEM, the sender's public key.
    ///   - opener: PEM, the reader's private key.
    /// - Throws: `OperatorError` if a file is not valid.
    public init(file: String, verifyWith verifier: String?, openWith opener: String?) throws {
        let keys = (try verifier.map(PublicKey.init(pemFile:)), try opener.map(IdentityKey.init(pemFile:)))
        let frame = Decoded.frame(in: try readInput(file, atMost: Decoded.maximumInput))
        self.init(frame, verifyWith: keys.0, openWith: keys.1)
    }
}

extension Diagram {
    /// A diagram of trace files.
    /// - Parameter device: only of this device's joins; nil: everything.
    /// - Throws: `OperatorFault` if a file is not readable or not a trace.
    public init(files: [String], device: Identifier? = nil, title: String?) throws(OperatorFault) {
        let merged = try TraceMerge(files: files)
        self.init(merged.lines(of: device), title: title)
    }

    /// Writes the SVG form to a file.
    /// - Throws: `OperatorFault`.
    public func writeSVG(to path: String) throws(OperatorFault) {
        try OutputFile(path).write(svg)
    }
}

extension DeviceTask {
    /// The server's key from a file.
    /// - Throws: `OperatorError`.
    public static func serverKey(_ path: String) throws -> PublicKey {
        try FileTrust.check(path, as: "the server's key")
        return try PublicKey(pemFile: path)
    }
}

extension SequenceID {
    /// Of a device that starts now.
    /// - Throws: `OperatorFault` where this machine's clock cannot be right: a server would drop the device's messages as old ones.
    public static func fresh() throws(OperatorFault) -> SequenceID {
        let now = wallMicroseconds()
        guard let fresh = ofDevice(clock: now) else {
            throw OperatorFault(
                "this machine's clock is wrong (\(Timestamp(now / 1_000_000))), and sequence ids start from it",
                hint: "set the clock: timedatectl; or give --sequence with a number above all that were used")
        }
        return fresh
    }
}
