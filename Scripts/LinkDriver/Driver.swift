import Glibc
import Keys
import ProofLink
import SRUP

/// The driver of this project's own device: runs the links that it reads as lines, for the vectors and for comparison with other
/// implementations. Examples/C99/README.md, "The driver", has the format.
@main
struct Driver {
    private static let transports: [Transport] = [.local, .rfcomm, .l2cap, .le]
    private static let modes: [Int: [Mode]] = [1: [.value], 2: [.challenge], 4: [.keyed], 6: [.keyed, .challenge]]
    private static let settings = ["device", "server", "beacon", "transport", "modes", "nonce", "size", "sign"]

    /// A line that is not a command.
    private struct Unreadable: Error {}

    private var link: DrivenLink?
    /// The next link often has the same key.
    private var keys: [String: IdentityKey] = [:]

    static func main() {
        var driver = Driver()
        while let line = readLine() {
            for answer in (try? driver.perform(line)) ?? ["error"] { print(answer) }
            fflush(nil)
        }
    }

    private mutating func perform(_ line: String) throws -> [String] {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        if words.first == "reset" {
            link = try reset(words.dropFirst())
        } else {
            guard words.count == 2, link != nil else { throw Unreadable() }
            switch words[0] {
            case "feed": link?.feed(words[1] == "-" ? [] : try Driver.octets(words[1]))
            case "value": link?.take(try Driver.secret(words[1]))
            default: throw Unreadable()
            }
        }
        return link?.answer() ?? []
    }

    private mutating func reset(_ words: ArraySlice<Substring>) throws -> DrivenLink {
        let pairs = words.map { $0.split(separator: "=", maxSplits: 1) }
        guard pairs.allSatisfy({ $0.count == 2 }), pairs.map({ String($0[0]) }) == Driver.settings else {
            throw Unreadable()
        }
        let values = pairs.map { $0[1] }
        let (transport, size) = (try Driver.number(values[3], 0...3), try Driver.number(values[6], 67...132))
        let (nonce, beacon) = (try Driver.octets(values[5]), try Driver.identifier(values[2]))
        guard let modes = Driver.modes[try Driver.number(values[4], 1...6)], nonce.count == LinkFrame.deviceNonceLength,
            beacon != Identifier(0)
        else { throw Unreadable() }
        let parties = DeviceSession.Parties(
            device: try Driver.identifier(values[0]), server: try Driver.identifier(values[1]), beacon: beacon,
            transport: Driver.transports[transport], modes: modes)
        let setup = DrivenLink.Setup(
            transport: parties.transport, longestFrame: size, sign: try signer(String(values[7])))
        return DrivenLink(setup, parties, nonce: nonce, authenticate: hmacSHA256)
    }

    /// `key:FILE`, or `digest:N`, which stands for a signature in fast tests.
    private mutating func signer(_ how: String) throws -> ([UInt8]) throws -> [UInt8] {
        let parts = how.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { throw Unreadable() }
        if parts[0] == "digest" {
            let count = try Driver.number(parts[1], 1...KeyedProof.maximumSignature)
            return { message in
                let digest = sha256(message)
                return (0..<count).map { digest[$0 % digest.count] }
            }
        }
        guard parts[0] == "key" else { throw Unreadable() }
        let file = String(parts[1])
        let key = try keys[file] ?? IdentityKey(pemFile: file)
        keys[file] = key
        return { try key.signature(over: [$0[...]]) }
    }

    // MARK: - Words

    private static func octets(_ digits: Substring) throws -> [UInt8] {
        guard !digits.isEmpty, !digits.utf8.contains(where: { UInt8(ascii: "A")...UInt8(ascii: "F") ~= $0 }),
            let octets = bytes(hexadecimal: digits.utf8)
        else { throw Unreadable() }
        return octets
    }

    private static func secret(_ digits: Substring) throws -> Secret {
        guard let secret = Secret(try octets(digits)[...]) else { throw Unreadable() }
        return secret
    }

    private static func identifier(_ digits: Substring) throws -> Identifier {
        let bytes = try octets(digits)
        guard bytes.count == 8 else { throw Unreadable() }
        return Identifier(bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    private static func number(_ digits: Substring, _ range: ClosedRange<Int>) throws -> Int {
        guard let number = Int(digits), range.contains(number) else { throw Unreadable() }
        return number
    }
}
