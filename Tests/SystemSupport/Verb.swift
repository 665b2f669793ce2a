import Foundation

/// A subcommand of `srup-beacon` that waits for a person, with its output so far.
package final class Verb {
    package let child: Child
    private let file: String

    package init(_ beacon: BeaconProcess, _ words: String...) throws {
        file = beacon.network.folder + "/verb-\(UUID().uuidString)"
        child = try Child(
            Network.products + "/srup-beacon", [words[0], "--config", beacon.configuration] + words.dropFirst(),
            output: file)
    }

    package var said: String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }
}
