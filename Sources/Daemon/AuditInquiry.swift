import Auditing
import OperatorText
import SRUP

extension Inquiry {
    /// Writes the record of verdicts: of the running beacon, otherwise from its journal.
    /// - Throws: `OperatorFault` where neither can be read, or the file cannot be written.
    package static func export(_ configuration: Configuration, to exporter: AuditExporter) throws {
        let folder = StateFolder(lookingInto: configuration.stateFolder)
        let isRunning = Control.process(at: folder.control) != nil
        func page(after verdict: Int64?) throws -> AuditPage {
            guard !isRunning else {
                let reply = try Control.ask(folder.control, .audit(after: verdict))
                guard let page = try? AuditPage.read(reply) else {
                    throw OperatorFault(
                        "the running beacon's reply is not one that this version of srup-beacon understands",
                        hint: "use the same version for both: systemctl restart srup-beacon")
                }
                return page
            }
            do {
                return try Journal.auditPage(
                    of: folder, configuration.identity, after: verdict, at: wallMicroseconds() / 1_000_000)
            } catch let failure as Journal.Failure {
                throw OperatorFault(failure.message, hint: "check that \(folder.journal) is there and whole")
            }
        }
        let header = try page(after: nil)
        try exporter.begin(header.lines)
        var (last, unchained, stray) = (header.last, Int64(0), Int64(0))
        var next = header.next
        while let verdict = next {
            let part = try page(after: verdict)
            for line in part.lines { try exporter.add(line) }
            (last, unchained, stray) = (part.last, unchained + part.unchained, stray + part.stray)
            next = part.next
        }
        try exporter.end(last: last, unchained: unchained, stray: stray)
    }
}
