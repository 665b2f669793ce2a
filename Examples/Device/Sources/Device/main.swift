// A joining device: it asks its C2 server for an observed join, proves to the beacon that it holds the value, and reports what the
// server decides. SRUP, ProofLink and Keys are the products of srup-beacon; MQTT (Broker.swift) and the socket of the proof link
// (Link.swift) are the program's own.
//
// Usage: Device --id ID --key FILE --server ID --server-key FILE --observer ID --link local:PATH
//               --broker HOST:PORT --ca FILE --cert FILE --tls-key FILE
//
// These are options of `srup-bench device`, and so is the exit status: 0 joined, 10 refused, 11 failed, 12 no answer, 1 a fault.
import Foundation
import Keys
import ProofLink
import SRUP

func option(_ name: String) throws -> String {
    guard let index = CommandLine.arguments.firstIndex(of: name), index + 1 < CommandLine.arguments.count else {
        throw Failure("\(name) is missing")
    }
    return CommandLine.arguments[index + 1]
}

func identifier(_ name: String) throws -> Identifier {
    guard let identifier = Identifier(hexadecimal: try option(name)) else {
        throw Failure("\(name) is not hexadecimal")
    }
    return identifier
}

/// Asks the server, proves to the beacon, and returns the server's decision; nil where none comes in 200 s.
func join() throws -> Status? {
    let (id, server, observer) = (try identifier("--id"), try identifier("--server"), try identifier("--observer"))
    let key = try IdentityKey(pemFile: try option("--key"))
    // The server's key alone: nobody else is believed.
    let keyring = PublicKeys([server: try PublicKey(pemFile: try option("--server-key"))])
    let parties = DeviceSession.Parties(device: id, server: server, beacon: observer, transport: .local)
    let prover = Prover(parties: parties, key: key, path: String(try option("--link").trimmingPrefix("local:")))
    let broker = try Broker(topic: Topic.of(device: id))

    // Greater than in any run before, as long as the clock is right: a server drops what is not, without a word.
    guard var last = SequenceID.ofDevice(clock: Int64(Date().timeIntervalSince1970 * 1_000_000)) else {
        throw Failure("this machine's clock is wrong, and sequence ids begin at it")
    }
    var (token, hasValue) = (Token(random: randomBytes(16)), false)
    let request = Message(sequence: last, sender: id, token: token, body: .observedJoinRequest(observer: observer))
    try broker.publish(try request.signed(by: key), on: request.topic(to: server))
    print("device: asking \(server) to join, observed by \(observer)")

    while let payload = broker.receive() {
        // What the server has not signed does not count, and neither does what is older than our request.
        guard let message = try? UnverifiedFrame(payload).verified(by: keyring).content, message.sequence > last else {
            continue
        }
        if case .observedJoinResponse(let sealed) = message.body, !hasValue {
            // What does not open was sealed for another device.
            guard let value = try? key.unseal(sealed.bytes) else { continue }
            (token, last, hasValue) = (message.token, message.sequence, true)
            Thread.detachNewThread { prover.proveUntilTheEnd(value) }
        } else if case .response(let status) = message.body, message.token == token, hasValue || status != .joinSuccess
        {
            return status
        }
    }
    return nil
}

do {
    let status = try join()
    print("device: \(status?.description ?? "no answer")")
    exit([.joinSuccess: 0, .joinRefused: 10, nil: 12][status] ?? 11)
} catch {
    print("device: \(error)")
    exit(1)
}
