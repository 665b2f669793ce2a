import Files
import Keys
import OperatorText

extension Registry {
    /// The figures for Prometheus' node_exporter, in its text format: when the list and each certificate expire.
    /// - Parameter hasTaken: whether the broker has been told of the list; nil: there is no program that tells it.
    /// - Throws: `OperatorError`.
    public func metrics(hasTaken: Bool?) throws -> String {
        var text = ""
        func add(_ name: String, _ help: String, _ values: [(labels: String, value: Int64)]) {
            guard !values.isEmpty else { return }
            text += "# HELP srup_registry_\(name) \(help)\n# TYPE srup_registry_\(name) gauge\n"
            for (labels, value) in values { text += "srup_registry_\(name)\(labels) \(value)\n" }
        }
        add(
            "list_not_after_seconds", "When the revocation list expires, in seconds since 1970.",
            try list().map { [("", $0.end)] } ?? [])
        add(
            "list_taken", "1: the program of --on-list has taken the list.",
            hasTaken.map { [("", $0 ? 1 : 0)] } ?? [])
        let files = [
            ("ca", folder.authority), ("https", folder.serverCertificate), ("broker", folder.brokerCertificate),
            ("c2", folder.c2Certificate),
        ]
        add(
            "certificate_not_after_seconds", "When a certificate of the registry expires, in seconds since 1970.",
            try files.filter { RegistryFolder.exists($0.1) }.map {
                ("{certificate=\"\($0.0)\"}", try folder.certificate($0.1).notAfter)
            })
        return text
    }
}

/// Replaces the file of the figures: whole or not at all.
/// - Throws: `OperatorFault`.
public func writeRegistryMetrics(_ text: String, to path: String) throws(OperatorFault) {
    do throws(FileError) { try File.replace(path, with: Array(text.utf8), mode: 0o644, isSynced: false) } catch {
        throw OperatorFault(
            "the metrics cannot be written to \(path): \(error)", hint: "correct --metrics, or make its folder writable"
        )
    }
}
