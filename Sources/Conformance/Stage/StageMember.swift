import FoundationEssentials
import Keys
import SRUP

// The server's commands to a member.
extension Stage {
    /// Sends a command.
    /// - Parameter isForDevice: whether its token names the device, or another one.
    func command(_ body: Body, _ isForDevice: Bool) {
        let named = isForDevice ? setting.device : Identifier(setting.device.number ^ 1)
        let token = Token(random: randomBytes(16), for: named)
        state.commandToken = token
        guard let server else { return }
        guard !isForDevice else { server.send(body, token); return }
        // Above the next command's: a device that stores it refuses that one.
        let message = Message(sequence: server.farSequence(), sender: server.node.id, token: token, body: body)
        server.publish(server.node.sign(message))
    }

    func answers(_ answer: Answer) throws {
        let expected = "\(answer.description) under the command's token"
        let message = try wait(.seconds(8)) {
            if let message = try answered(expected) { return message }
            if let fault = fault(expected: expected) { throw fault }
            return nil
        }
        guard let message else { throw CaseResult.Fault(expected: expected, seen: "no answer") }
        guard answer.holds(message.body) else {
            throw CaseResult.Fault(expected: expected, seen: Stage.description(of: message.body))
        }
    }

    func quiet(_ time: Duration) throws {
        if let message = try wait(time, isScaled: false, { try answered("no message of the device") }) {
            throw CaseResult.Fault(expected: "no message of the device", seen: Stage.description(of: message.body))
        }
    }

    /// The next message that is not sent unasked.
    private func answered(_ expected: String) throws -> Message? {
        guard let server, let incoming = server.next() else { return nil }
        let message = try checked(incoming, server, expected: expected)
        guard message.token != state.commandToken else { return message }
        // DATA that nobody has asked for names the server.
        if case .data = message.body, message.token.names(setting.server) { return nil }
        throw CaseResult.Fault(
            expected: expected, seen: "\(Stage.description(of: message.body)) under the token \(message.token)",
            bytes: incoming.payload)
    }

    private static func description(of body: Body) -> String {
        if case .response(let status) = body { return "RESPONSE \(hexadecimal([status.rawValue])), \(status)" }
        return body.type.name
    }
}

extension Answer {
    fileprivate var description: String {
        switch self {
        case .status(let codes): "RESPONSE \(codes.map { hexadecimal([$0]) }.joined(separator: " or "))"
        case .identification: "DATA IDENTIFICATION, a JSON object with the texts product and version,"
        }
    }

    fileprivate func holds(_ body: Body) -> Bool {
        struct Identification: Decodable {
            var product: String
            var version: String
        }
        switch self {
        case .status(let codes):
            guard case .response(let status) = body else { return false }
            return codes.contains(status.rawValue)
        case .identification:
            guard case .data(let id, let data) = body, id.bytes == Array("IDENTIFICATION".utf8) else { return false }
            return (try? JSONDecoder().decode(Identification.self, from: Data(data.bytes))) != nil
        }
    }
}
