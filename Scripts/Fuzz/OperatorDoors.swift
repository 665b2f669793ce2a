import EventLoop
import Fetching
import Glibc
import Keys
import Nearby
import OperatorText
import SRUP
@testable import Daemon
@testable import Enrolling

/// What a registration service answers: the first byte names the question, the second the status, the rest is the body.
enum RegistryDoor {
    private static let key = try? IdentityKey(pemFile: Door.folder + "/sealed.key.pem")
    private static let statuses = [200, 201, 400, 403, 404, 409, 500]

    static func enter(_ bytes: [UInt8]) {
        guard bytes.count >= 2, let key else { return }
        let reply = HTTPReply(status: statuses[Int(bytes[1]) % statuses.count], body: Array(bytes[2...]))
        let registry = Registry(asking: { (_) throws(HTTPFault) in reply })
        let identity = Identifier(0xbea0_0000_0000_0001)
        do {
            switch bytes[0] % 5 {
            case 0: _ = try registry.status()
            case 1:
                check(
                    try registry.register(identity, key.publicKey, type: "beacon", token: nil, isTold: false)
                        .registration)
            case 2: _ = try registry.validate(identity, key, at: nil)
            case 3: _ = try registry.certificate(for: key, identity, key)
            default: _ = try registry.key(of: "c200000000000001")
            }
        } catch {
            isPlain(error.message)
            isPlain(error.hint(for: .beacon))
        }
    }

    private static func check(_ registration: Registration?) {
        guard let registration else { return }
        isPlain(registration.broker.host)
        precondition(registration.server.number >= 0x10, "a server that no topic can name")
    }
}

/// A configuration file.
enum ConfigurationDoor {
    private static let file = Door.folder + "/fuzzed.conf"

    static func enter(_ bytes: [UInt8]) {
        let stream = fopen(file, "we")
        fwrite(bytes, 1, bytes.count, stream)
        fclose(stream)
        do {
            let configuration = try Configuration(file: file)
            precondition(configuration == configuration, "not equal to itself")
            precondition(!configuration.servers.isEmpty && !configuration.brokers.isEmpty, "something is missing")
        } catch is any OperatorError {
        } catch {
            preconditionFailure("\(error)")
        }
    }
}

/// A line over the control socket of a beacon that is there and has no journal.
///
/// The loop's thread runs until the process ends.
enum ControlDoor {
    private static let path = Door.folder + "/control"
    private nonisolated(unsafe) static var control: Control?

    private static let isOpen: Bool = {
        let loop = Loop()
        guard let shell = try? Shell(configurationFile: Door.folder + "/beacon.conf", loop: loop) else { return false }
        var thread = pthread_t()
        let running = Unmanaged.passRetained(loop).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Loop>.fromOpaque(context).takeUnretainedValue().run() }
                return nil
            }, running)
        loop.performAndWait {
            control = try? Control(path, loop) { request, reply in
                nonisolated(unsafe) let reply = reply
                shell.assumeIsolated { $0.answer(request, reply) }
            }
        }
        return true
    }()

    static func enter(_ bytes: [UInt8]) {
        precondition(isOpen, "no shell in \(Door.folder)")
        guard let socket = try? LinkSocket.connect(to: .local(path: path)) else { return }
        defer { close(socket) }
        _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        shutdown(socket, Int32(SHUT_WR))
        var one = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        while poll(&one, 1, 1_000) > 0, case .bytes = LinkSocket.receive(from: socket) {}
    }
}
