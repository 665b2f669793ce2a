import Files
import FoundationEssentials
import Glibc
import OperatorText
import SRUP

/// What a run of the conformance test has found: the JSON form of `prove --json` (docs/prove.md).
package struct Report: Codable, Sendable {
    /// The device's identity, 16 digits.
    package var device: String
    /// The transport of the link.
    package var transport: String
    /// Whether the link alone was tested.
    package var isLinkOnly: Bool
    /// One for each case that was chosen.
    package var cases: [CaseResult]
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var passed: Int { count(.pass) }
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var failed: Int { count(.fail) }
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var notTried: Int { count(.notTried) }

    /// Whether cases were not tried because the time was over.
    package var isCutShort: Bool { cases.contains { $0.reason == CaseResult.timeIsOver } }

    enum CodingKeys: String, CodingKey {
        case device, transport, cases
        case isLinkOnly = "link_only"
    }

    package init(_ setting: Setting, _ cases: [CaseResult]) {
        (device, transport) = (setting.device.description, setting.address.transport.rawValue)
        (isLinkOnly, self.cases) = (setting.node == nil, cases)
    }

    private func count(_ wanted: CaseResult.Ended) -> Int { cases.count { $0.result == wanted } }

    /// A line for each probable mistake, the most frequent first: one of them often makes many cases fail.
    package var mistakes: [String] {
        let counts = Dictionary(cases.compactMap(\.fault?.correctIf).map { ($0, 1) }, uniquingKeysWith: +)
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "prove: correct if \($0.key): \($0.value) of \(failed) failures" }
    }

    /// The last line of the report for people.
    package var summary: String {
        let seconds = cases.reduce(0) { $0 + $1.seconds }
        return "prove: \(passed) passed, \(failed) failed, \(notTried) not tried, in \(CaseResult.text(seconds)) s"
    }

    /// The report as JSON.
    package var json: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("a report could not be encoded") }
        return Array(data) + [0x0A]
    }

    /// Writes the report as JSON.
    /// - Throws: `OperatorFault`.
    package func write(to path: String) throws(OperatorFault) {
        do throws(FileError) { try File.replace(path, with: json, mode: 0o644, isSynced: false) } catch {
            throw OperatorFault(
                "\(path) cannot be written: \(error)", hint: "give --json a place that is writable",
                exitStatus: EX_UNAVAILABLE)
        }
    }
}
