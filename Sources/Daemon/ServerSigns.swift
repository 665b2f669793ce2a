import Observing
import SRUP

/// Signs that a server no longer knows us, although we joined it: it was restarted without its
/// state. Nothing in the protocol says so; these are signs, kept since this beacon started or last joined that server.
struct ServerSigns {
    /// Messages that were refused because their sequence id is not above the last accepted one.
    private(set) var replayed = 0
    /// The newest of these ids, and what it is not above.
    private(set) var newest: (sequence: SequenceID, last: SequenceID)?
    /// How the server answered when we wanted to leave.
    private(set) var declined: Status?
    /// Why an answer of its was refused since the request that waits was first sent, and how many were.
    private(set) var refusedAnswers: (count: Int, last: Refusal)?
    /// It has left a request of ours unanswered, although the broker is connected.
    var isSilent = false
    private var membership: Membership?

    /// Takes what is reported of this server.
    mutating func note(_ report: Report) {
        switch report {
        case .refused(.replayed(let sequence, let last), _, let type):
            replayed += 1
            newest = (sequence, last)
            if type.isAnswer { noteAnswer(.replayed(sequence, last: last)) }
        case .refused(let refusal, _, let type) where type.isAnswer: noteAnswer(refusal)
        case .declined(_, let status): declined = status
        case .membership(_, let new):
            // A join that has succeeded: the server knows us now.
            if new == .member, membership?.joinMode != nil { self = ServerSigns() }
            if new.token != membership?.token { refusedAnswers = nil }
            membership = new
        case .opened, .repeated, .commanded, .acted, .updateDeclined:
            // A request that was accepted: the server's sequence ids are above all before. What was refused may have been sent
            // again by a broker, or replayed by somebody who recorded it.
            (replayed, newest) = (0, nil)
        case .refused, .answered, .mismatch, .tooFar, .update, .ended, .lost, .ready: break
        }
    }

    private mutating func noteAnswer(_ refusal: Refusal) {
        if membership?.token != nil { refusedAnswers = ((refusedAnswers?.count ?? 0) + 1, refusal) }
    }

    /// The steps that `explain` shows for them.
    var steps: [Explanation.Step] {
        var steps: [Explanation.Step] = []
        if let newest {
            let messages = "\(replayed) message\(replayed == 1 ? "" : "s")"
            steps.append(
                .init(
                    at: nil,
                    what: "refused \(messages) of the server as replayed: "
                        + "sequence id \(newest.sequence) is not above \(newest.last)"))
        }
        if let declined { steps.append(.init(at: nil, what: "the server did not let this beacon leave: \(declined)")) }
        return steps
    }

    /// Cause and next step, where the signs explain more than the membership does.
    func explained(_ membership: Membership, _ server: Identifier) -> (cause: String, next: String)? {
        switch membership {
        case .member, .resigning, .deregistering:
            guard replayed > 0 || declined != nil else { return silence(membership, server) }
            return (
                "the server accepted this beacon once, but now it may not know it: a server that was restarted without "
                    + "its state begins its sequence ids again and refuses requests to leave",
                ServerSigns.askAgain(server)
            )
        case .joining, .presenting:
            guard let newest else { return silence(membership, server) }
            return (
                "the server's messages are refused: its sequence ids are not above the last one accepted from it",
                "have the server restore its state, or continue above sequence id \(newest.last); the beacon takes no "
                    + "lower id, because old messages of the server could be replayed then"
            )
        case .stranger, .refused, .terminated, .resigned, .deregistered: return nil
        }
    }

    /// The server has said something that could be the answer: it is not silent.
    private func answered(_ membership: Membership) -> (cause: String, next: String)? {
        guard let refusedAnswers, membership.token != nil else { return nil }
        let (count, last) = refusedAnswers
        return (
            "the server has answered, and this beacon has refused \(count == 1 ? "the answer" : "\(count) answers"): \(last.message)",
            "see the log's lines \"refused RESPONSE\" and the server's own log; the request is sent again under the same token"
        )
    }

    private func silence(_ membership: Membership, _ server: Identifier) -> (cause: String, next: String)? {
        if let answered = answered(membership) { return answered }
        guard isSilent, membership.token != nil else { return nil }
        return (
            "the server has not answered for a minute or more, although the broker is connected: "
                + UnansweredRequests.cause, UnansweredRequests.next(server)
        )
    }

    /// What the operator can do, as an instruction.
    static func askAgain(_ server: Identifier) -> String {
        "if the server does not know this beacon, run: srup-beacon join \(server.topicForm) --again"
    }
}

extension MessageType {
    /// Whether a server answers a request to join or to leave with it.
    fileprivate var isAnswer: Bool { [.response, .humanJoinResponse, .observedJoinResponse].contains(self) }
}
