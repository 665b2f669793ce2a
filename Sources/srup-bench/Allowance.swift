import ArgumentParser
import C2Server
import SRUP

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
