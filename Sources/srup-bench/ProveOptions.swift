import ArgumentParser
import Bench
import Broker
import EventLoop
import Glibc
import OperatorText
import ProofLink
import SRUP
import Synchronization

/// Options of the server that `prove` plays: those of `c2`.
struct PlayedServer: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server's identity; also its MQTT client id (required without --link-only).", valueName: "identity"))
    var id: Identifier?

    @Option(help: ArgumentHelp("Its private key, PEM, mode 0600 (required without --link-only).", valueName: "file"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            "The broker, by the name in its certificate (required without --link-only).", valueName: "host:port"))
    var broker: String?

    @Option(
        help: ArgumentHelp("CA certificates for the broker, PEM (required without --link-only).", valueName: "file"))
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "The server's client certificate for the broker, PEM (required without --link-only).", valueName: "file"))
    var cert: String?

    @Option(
        help: ArgumentHelp(
            "The private key of that certificate, PEM (required without --link-only).", valueName: "file"))
    var tlsKey: String?

    func check(isNeeded: Bool) throws {
        let files = [key, broker, ca, cert, tlsKey]
        guard isNeeded else {
            guard files.allSatisfy({ $0 == nil }) else {
                throw ValidationError("with --link-only, do not give --key, --broker, --ca, --cert or --tls-key")
            }
            return
        }
        guard id != nil, files.allSatisfy({ $0 != nil }) else {
            throw ValidationError("give all of --id, --key, --broker, --ca, --cert and --tls-key, or --link-only")
        }
        if let broker { try validating { _ = try BrokerAddress(option: broker) } }
    }

    /// The server; nil with `--link-only`.
    var node: BenchNode? {
        get throws {
            guard let id, let key, let broker, let ca, let cert, let tlsKey else { return nil }
            return try BenchNode(
                id: id, keyFile: key, brokers: [try BrokerAddress(option: broker)],
                tls: TLSFiles(authority: ca, certificate: cert, key: tlsKey), traceFile: nil)
        }
    }
}

/// The value of `--modes`.
struct ModesOption: ExpressibleByArgument {
    static let usual = ModesOption(modes: [.keyed, .challenge])

    let modes: Set<Mode>

    var defaultValueDescription: String { "keyed,challenge" }

    init(modes: Set<Mode>) { self.modes = modes }

    init?(argument: String) {
        let words = argument.split(separator: ",", omittingEmptySubsequences: false)
        let modes = words.compactMap { word in Mode.allCases.first { $0.description == word } }
        guard modes.count == words.count, !modes.isEmpty else { return nil }
        self.modes = Set(modes)
    }
}

/// The value of `--part`.
struct PartOption: ExpressibleByArgument {
    let number: Int
    let count: Int

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let number = parts[0], let count = parts[1], count >= 1, (1...count).contains(number)
        else {
            return nil
        }
        (self.number, self.count) = (number, count)
    }
}

/// Something that happens once.
final class StopMark: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}

/// A temporary folder, for this user only.
struct ProveFolder {
    let path: String

    init() throws(OperatorFault) {
        let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var form = Array("\(place)/srup-prove.XXXXXX".utf8CString)
        guard mkdtemp(&form) != nil else {
            throw OperatorFault(
                "no folder can be made in \(place): \(String(cString: strerror(errno)))",
                hint: "set TMPDIR to a folder that is writable")
        }
        path = String(decoding: form.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes it with everything in it.
    func remove() { _ = ChildProcess.run("/bin/rm", ["-rf", "--", path], limit: .seconds(30)) }
}
