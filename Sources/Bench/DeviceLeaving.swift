import SRUP

// The end of a device's membership, by either side (§6).
extension DeviceJoin {
    /// How a device asks for the end of its membership.
    public enum Withdrawal: String, CaseIterable, Sendable {
        /// RESIGN_REQ: it leaves this server.
        case resign
        /// DEREGISTER_REQ: it leaves the system permanently.
        case deregister
    }

    /// How a membership ends, or continues.
    public enum Departure: String, Sendable {
        /// The server has agreed to RESIGN_REQ.
        case resigned
        /// The server has agreed to DEREGISTER_REQ, or has sent DEREGISTER_CMD.
        case deregistered
        /// The server has sent TERMINATE_CMD.
        case terminated
        /// The server has refused to let the device go: it is still a member.
        case kept
    }

    /// A device that has joined waits for the server to end its membership.
    public mutating func stay() { state = .member }

    /// The request of a device that has joined to leave. To be called once.
    /// - Parameter token: T3, the request's own; it must name the server, because all servers of a device see its requests.
    public mutating func leave(_ how: Withdrawal, token: Token) -> Message {
        state = .leaving(token, how)
        return message(how == .resign ? .resignRequest : .deregisterRequest, token)
    }

    mutating func serveMember(_ message: Message) -> [Effect] {
        switch (state, message.body) {
        case (.leaving(let expected, let how), .response(let status)) where message.token == expected:
            return answered(status, how, message)
        // A command must name its device: nothing else that is signed does (docs/protocol.md, section 8).
        case (_, .terminateCommand), (_, .deregisterCommand):
            return message.token.names(own) ? obey(message) : ignored(message)
        case (.member, _), (.leaving, _), (.asking, _), (.answered, _), (.over, _): return ignored(message)
        }
    }

    private mutating func answered(_ status: Status, _ how: Withdrawal, _ message: Message) -> [Effect] {
        let departure: Departure
        switch (how, status.name) {
        case (.resign, .resignSuccess): departure = .resigned
        case (.deregister, .deregisterSuccess): departure = .deregistered
        case (.resign, .resignFail), (.deregister, .deregisterFail): departure = .kept
        case (.resign, _), (.deregister, _): return [.say("ignored the status \(status)")]
        }
        accept(message)
        state = .over
        return [.say("the server says: \(status)"), .left(departure)]
    }

    private mutating func obey(_ command: Message) -> [Effect] {
        accept(command)
        state = .over
        let said = Effect.say("the server says: \(command.body.type.name)")
        guard case .deregisterCommand = command.body else { return [said, .left(.terminated)] }
        return [said, .answer(message(.response(.deregisterSuccess), command.token)), .left(.deregistered)]
    }
}
