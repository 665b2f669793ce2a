import ArgumentParser
import C2Server
import SRUP

extension C2.Grade: ExpressibleByArgument {}

/// The value of `c2 --site`: `NAME=BEACON,BEACON,...`.
struct SiteOption: ExpressibleByArgument {
    let name: String
    let beacons: [Identifier]

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.count <= 64 else { return nil }
        let names = parts[1].split(separator: ",", omittingEmptySubsequences: false)
        beacons = names.compactMap { Identifier(hexadecimal: $0) }
        guard beacons.count == names.count, (1...64).contains(beacons.count) else { return nil }
        name = String(parts[0])
    }
}

/// The value of `c2 --quorum`: `NAME=COUNT`.
struct QuorumOption: ExpressibleByArgument {
    let name: String
    let count: Int

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let count = Int(parts[1]), count >= 1 else { return nil }
        (name, self.count) = (String(parts[0]), count)
    }
}

/// How one device may join, on the command line.
struct Allowance: ExpressibleByArgument {
    let node: Identifier
    let joinModes: Set<C2.JoinMode>

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let node = Identifier(hexadecimal: parts[0]) else { return nil }
        let words = parts[1].split(separator: ",")
        let joinModes = words.compactMap { C2.JoinMode(rawValue: String($0)) }
        guard !words.isEmpty, joinModes.count == words.count else { return nil }
        (self.node, self.joinModes) = (node, Set(joinModes))
    }
}
