import Foundation
import Keys
import ProofLink
import SRUP

/// The device's end of the proof link, over the beacon's Unix socket.
struct Prover: Sendable {
    let parties: DeviceSession.Parties
    let key: IdentityKey
    let path: String

    /// Opens one link after the other: the beacon may not know of the join yet, and only the server ends it.
    func proveUntilTheEnd(_ value: Secret) {
        var pause = 0.5
        while true {
            do {
                let (outcome, isProved) = try prove(value)
                print("device: the beacon says \(outcome)\(isProved ? ", and holds the value too" : "")")
                if outcome == .valid, isProved { pause = 10 }
            } catch { print("device: left the link: \(error)") }
            Thread.sleep(forTimeInterval: pause)
            pause = min(2 * pause, 10)
        }
    }

    /// Goes through one link.
    private func prove(_ value: Secret) throws -> (Outcome, Bool) {
        let socket = try connected()
        defer { close(socket) }
        func send(_ frame: LinkFrame) {
            let bytes = frame.encoded
            _ = Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }
        let nonce = randomBytes(LinkFrame.deviceNonceLength)
        var session = DeviceSession(parties, deviceNonce: nonce, value: value, authenticate: hmacSHA256)
        var assembler = FrameAssembler(from: .beacon)
        while true {
            var piece = [UInt8](repeating: 0, count: 512)
            let count = recv(socket, &piece, piece.count, 0)
            guard count > 0 else { throw Failure(count == 0 ? "it has closed" : "nothing has come in 15 s") }
            assembler.append(piece[..<count])
            while let frame = try assembler.next() {
                switch try session.receive(frame) {
                case .send(let reply): send(reply)
                case .prove(let proof, signing: let bytes):
                    send(proof)
                    KeyedProof.frames(of: try key.signature(over: [bytes[...]])).forEach(send)
                case .wait, .awaitValue: break
                case .end(let outcome, let isProved): return (outcome, isProved)
                }
            }
        }
    }

    private func connected() throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var (address, limit) = (sockaddr_un(), timeval(tv_sec: 15, tv_usec: 0))
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let result = withUnsafeBytes(of: &address) {
            connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
        guard result == 0 else {
            defer { close(descriptor) }
            throw Failure("\(path): \(String(cString: strerror(errno)))")
        }
        return descriptor
    }
}
