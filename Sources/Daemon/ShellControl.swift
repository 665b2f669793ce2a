import FoundationEssentials
import SRUP

// The answers to what comes over the control socket.
extension Shell {
    /// Answers one line on the control socket, at once or, after a reload, later; with nothing: there is no answer.
    func answer(_ line: String, _ reply: @escaping ([UInt8]) -> Void) {
        guard ControlRequest(line: line) == .reload else { return reply(answer(line)) }
        reloading.begin { fault in
            reply(Array((fault.map { ReloadReply.refused($0.message) } ?? .reloaded).rawValue.utf8))
        }
    }

    /// The answer to a line that needs no time; empty: there is none.
    func answer(_ line: String) -> [UInt8] { ControlRequest(line: line).map { answer($0) } ?? [] }

    private func answer(_ request: ControlRequest) -> [UInt8] {
        switch request {
        case .status: Shell.json(statusReport)
        case .observations(let limit, let filter):
            (try? journal?.history(limit: limit, filter)).map { Shell.json($0) } ?? []
        case .audit(let verdict): auditPage(after: verdict)
        case .metrics: Array(exposition.utf8)
        case .explain(let subject):
            (try? journal?.explain(subject, signs, setAside: broker.publishing.setAside, open: observer.open)).map {
                Shell.json($0)
            } ?? []
        case .reload: preconditionFailure("a reload is answered when it has ended")
        case .standing(let server): Shell.json(standing(server))
        case .order(let order, let server): Shell.json(obey(order, server))
        }
    }

    private static func json(_ reply: some Encodable) -> [UInt8] { (try? Array(encoder().encode(reply))) ?? [] }
}
