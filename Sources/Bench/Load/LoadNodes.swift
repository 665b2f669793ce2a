import Broker
import Files
import Glibc
import Keys
import OperatorText
import SRUP

/// The nodes of a load.
public enum LoadNodes {
    /// What stands for a device's id in a file's name.
    private static let placeholder = "{id}"

    /// The broker of an option.
    /// - Throws: `OperatorFault`.
    public static func broker(_ option: String) throws -> BrokerAddress { try BrokerAddress(option: option) }

    /// Nodes whose ids count up from the first one's. A file that several share is read once.
    /// - Throws: `OperatorError` if a file is not valid.
    public static func make(
        _ count: Int, from first: Identifier, key: String, broker: String, authority: String, certificate: String,
        tlsKey: String, trace: String?
    ) throws -> [BenchNode] {
        try FileTrust.check(authority, as: "the broker's CA file")
        let address = try BrokerAddress(option: broker)
        let file = try trace.map { try TraceFile($0) }
        var keys: [String: IdentityKey] = [:]
        var checked: Set<String> = []
        return try (0..<count).map { place in
            let id = Identifier(first.number + UInt64(place))
            func path(_ pattern: String) -> String { pattern.replacing(placeholder, with: id.topicForm) }
            let tls = TLSFiles(authority: authority, certificate: path(certificate), key: path(tlsKey))
            if checked.insert(tls.certificate).inserted { try tls.check() }
            let keyFile = path(key)
            let own = try keys[keyFile] ?? IdentityKey(pemFile: keyFile)
            keys[keyFile] = own
            return BenchNode(id: id, key: own, brokers: [address], tls: tls, trace: file)
        }
    }
}

/// A file for a result, opened before the work is done.
public final class OutputFile {
    private let path: String
    private let descriptor: Int32

    /// Creates the file, or empties it.
    /// - Throws: `OperatorFault`.
    public init(_ path: String) throws(OperatorFault) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw OutputFile.fault(path, FileError.last) }
    }

    deinit { close(descriptor) }

    /// Writes a text.
    /// - Throws: `OperatorFault`.
    public func write(_ text: String) throws(OperatorFault) {
        do throws(FileError) { try File.write(Array(text.utf8), to: descriptor) } catch {
            throw OutputFile.fault(path, error)
        }
    }

    private static func fault(_ path: String, _ error: FileError) -> OperatorFault {
        OperatorFault("\(path) cannot be written: \(error)", hint: "name a file in a place that is writable")
    }
}
