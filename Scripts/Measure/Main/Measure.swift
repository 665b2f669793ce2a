import Keys
import Loop
import Observing
import ProofLink
import SRUP

/// Figures of `Scripts/bench`: each beside its limit, measured in turns in one run, so that what else the machine does
/// falls on both. Prints rows of a table: medians, and the middle half of the turns' ratios.
@main
struct Measure {
    let key: IdentityKey
    let raw: OpaquePointer
    let folder: String
    let message = (0..<256).map { UInt8($0) }

    static func main() throws {
        let arguments = CommandLine.arguments
        guard (3...4).contains(arguments.count), let raw = loop_read_key(arguments[1]) else {
            return print("usage: measure KEY.pem FOLDER [OBSERVATIONS]\n       measure KEY.pem initiate")
        }
        if arguments[2] == "initiate" { return try Initiate(key: try IdentityKey(pemFile: arguments[1])).run() }
        let measure = Measure(key: try IdentityKey(pemFile: arguments[1]), raw: raw, folder: arguments[2])
        if let count = arguments.dropFirst(3).first.flatMap({ Int($0) }) { return try WholeSite(measure).run(count) }
        try measure.crypto()
        try measure.frames()
        try measure.decisions()
        try measure.journaled()
    }

    private func inC(_ loop: (OpaquePointer, UnsafePointer<UInt8>, Int, Int32) -> Int, _ count: Int) -> Int {
        loop(raw, message, message.count, Int32(count))
    }

    /// What OpenSSL takes for one observation: verify the request, open the value, sign the answer.
    func leastCrypto(_ count: Int) -> Int {
        inC(loop_verify, count) + loop_open(raw, Int32(count)) + inC(loop_sign, count)
    }

    func leastCommits(_ count: Int) -> Int { loop_commit(folder + "/bare.sqlite", Int32(count)) }

    private func crypto() throws {
        let signature = try key.signature(over: [message[...]])
        let (sealed, publicKey) = (try key.publicKey.seal(.random()), key.publicKey)
        let count = 400
        compare("sign", "a C loop on the same OpenSSL", count, wanted: 1.05, { inC(loop_sign, count) }) {
            for _ in 0..<count { _ = try? key.signature(over: [message[...]]) }
        }
        compare("open", "a C loop", count, wanted: 1.05, { loop_open(raw, Int32(count)) }) {
            for _ in 0..<count { _ = try? key.unseal(sealed) }
        }
        compare("verify", "a C loop", count * 10, wanted: 1.05, { inC(loop_verify, count * 10) }) {
            for _ in 0..<count * 10 { _ = publicKey.verifies(signature[...], over: [message[...]]) }
        }
    }

    /// Without signatures: reading and writing the bytes, beside one verification.
    private func frames() throws {
        let frame = try Desk.requests(key, 1)[0]
        let unverified = try UnverifiedFrame(frame)
        let count = 20_000
        compare("decode a frame", "one verification in C", count, wanted: nil, { inC(loop_verify, count) }) {
            for _ in 0..<count { _ = try? UnverifiedFrame(frame) }
        }
        let read = try unverified.verified(by: PublicKeys([Desk.server: key.publicKey])).content
        compare("encode a message", "one verification in C", count, wanted: nil, { inC(loop_verify, count) }) {
            for _ in 0..<count { _ = try? read.signed(by: NoSigner()) }
        }
    }

    private struct NoSigner: Signer {
        func signature(over parts: [ArraySlice<UInt8>]) -> [UInt8] { [UInt8](repeating: 0, count: 256) }
    }

    /// The whole decision without a journal: frame, signature, opening, observer, tag, signed answer.
    private func decisions() throws {
        let count = 200
        var requests = try Desk.requests(key, count * 22)[...]
        let desk = try Desk(key, folder: nil)
        compare("decide", "verify + open + sign in C", count, wanted: 1 / 0.9, { leastCrypto(count) }) {
            desk.run(requests.prefix(count), inGroupsOf: count)
            requests = requests.dropFirst(count)
        }
    }

    /// The same with the journal on this disk, every group in one transaction for requests, one for verdicts, and one for the
    /// broker's acknowledgements.
    private func journaled() throws {
        let count = 128
        for group in [1, 64] {
            var requests = try Desk.requests(key, count * 22)[...]
            let desk = try Desk(key, folder: folder + "/journal-\(group)")
            let commits = 3 * count / group
            compare(
                "observation, journal on, groups of \(group)", "its crypto in C + \(3) bare commits a group", count,
                wanted: 1 / 0.9,
                { leastCrypto(count) + leastCommits(commits) }
            ) {
                desk.run(requests.prefix(count), inGroupsOf: group)
                requests = requests.dropFirst(count)
            }
        }
        try latencies()
        try growth()
    }

    /// One at a time.
    private func latencies() throws {
        let count = 2_000
        let desk = try Desk(key, folder: folder + "/journal-latency")
        var (ready, published, signed): ([Double], [Double], [Double]) = ([], [], [])
        let clock = ContinuousClock()
        for (number, request) in try Desk.requests(key, count).enumerated() {
            // In turns with ours, since this machine has slow and quick minutes.
            if number.isMultiple(of: 100) { signed += leastPublished(100) }
            ready.append(
                Double(
                    clock.measure {
                        desk.take(request)
                        desk.commit()
                    }.wholeNanoseconds))
            let proof = desk.link()
            published.append(
                Double(
                    clock.measure {
                        desk.prove(proof)
                        desk.commit()
                    }.wholeNanoseconds))
            desk.acknowledge()
        }
        let least = 200
        let sync = Double(leastCommits(least)) / Double(least)
        let (open, verify) = (
            Double(loop_open(raw, Int32(least))) / Double(least), Double(inC(loop_verify, least)) / Double(least)
        )
        row("OBSERVE_REQ to CHALLENGE ready", ready, "verify + open + sync", verify + open + sync, p99: 2)
        let usual = median(signed)
        row("PROOF to signed and kept", published, "one signature + one sync", usual, p99: 2)
        row("that limit itself, each measured like ours", signed, "its median", usual)
    }

    /// Nanoseconds of each signature with one commit, in C.
    private func leastPublished(_ count: Int) -> [Double] {
        var each = [Int](repeating: 0, count: count)
        precondition(
            loop_sign_and_commit(raw, message, message.count, folder + "/signed.sqlite", Int32(count), &each) == 1)
        return each.map(Double.init)
    }

    func row(_ name: String, _ times: [Double], _ limit: String, _ least: Double, p99: Double? = nil) {
        let sorted = times.sorted()
        func at(_ part: Double) -> Double { sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))] }
        for (title, part, wanted) in [("p50", 0.5, nil), ("p99", 0.99, p99), ("p99.9", 0.999, nil)] {
            print(line("\(name), \(title)", at(part), limit, least, at(part) / least, nil, wanted))
        }
    }

    /// How the cost of an observation grows with what else is open, and with what was decided before.
    private func growth() throws {
        let count = 128
        for (open, history) in [(100, 0), (1_000, 0), (10_000, 0), (1, 1_000_000)] {
            let small = try Desk(key, folder: folder + "/journal-small-\(open)-\(history)")
            let large = try Desk(key, folder: folder + "/journal-large-\(open)-\(history)", history: history)
            for request in try Desk.requests(key, open) { large.take(request) }
            large.commit()
            var requests = try Desk.requests(key, count * 44, from: 1_000_000)[...]
            func turn(_ desk: Desk) -> Int {
                let next = requests.prefix(count)
                requests = requests.dropFirst(count)
                return Int(ContinuousClock().measure { desk.run(next, inGroupsOf: 64) }.wholeNanoseconds)
            }
            let name = history > 0 ? "observation, \(history) verdicts before it" : "observation, \(open) others open"
            compare(name, "the same with none", count, wanted: 1.1, { turn(small) }) { _ = turn(large) }
        }
    }

    // MARK: - Turns

    /// Twenty turns of each; the median of the turns' ratios and the middle half of them.
    /// - Parameter wanted: the ratio that is not to be exceeded.
    private func compare(
        _ name: String, _ limit: String, _ count: Int, wanted: Double?, _ bound: () -> Int, _ ours: () -> Void
    ) {
        ours()
        _ = bound()
        var (limits, times, ratios): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<20 {
            let least = Double(bound())
            let time = Double(ContinuousClock().measure(ours).wholeNanoseconds)
            limits.append(least / Double(count))
            times.append(time / Double(count))
            ratios.append(time / least)
        }
        let sorted = ratios.sorted()
        print(line(name, median(times), limit, median(limits), median(ratios), (sorted[5], sorted[14]), wanted))
    }

    private func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }

    /// A row of the table; times in nanoseconds.
    func line(
        _ name: String, _ time: Double, _ limit: String, _ least: Double, _ ratio: Double, _ spread: (Double, Double)?,
        _ wanted: Double?
    ) -> String {
        func short(_ number: Double, _ places: Double) -> String { "\((number * places).rounded() / places)" }
        let middle = spread.map { "\(short($0.0, 1_000)) to \(short($0.1, 1_000))" } ?? ""
        let verdict = wanted.map { "\(short($0, 100)): \(ratio <= $0 ? "met" : "**missed**")" } ?? ""
        return
            "| \(name) | \(short(time / 1_000, 100)) µs | \(limit): \(short(least / 1_000, 100)) µs | \(short(ratio, 1_000)) | \(middle) | \(verdict) |"
    }
}
