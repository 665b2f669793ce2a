import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// The browser that Scripts/setup installs. With CI=true a missing browser is a failure.
@Suite(
    "The console in a real browser", .blocking, .serialized,
    .enabled(
        if: ConsoleProcess.hasBrowser, "no browser starts: Tests/SystemTests/Console/browser.py start says why"))
struct ConsoleBrowserTests {
    let network: Network
    let console: ConsoleProcess
    let beacon: BeaconProcess

    init() throws {
        network = try Network()
        console = try ConsoleProcess(network)
        beacon = try BeaconProcess(network, settings: ["server \(Node.c2.topicForm)": ["join = no"]])
        try beacon.start()
        try eventually("the beacon is connected") { [beacon] in beacon.brokerState == "connected" }
    }

    /// The words that a beacon's subcommand shows; nil before it does.
    private func wordsShown(by verb: Verb) -> String? {
        guard let start = verb.said.range(of: "all of it is the same:\n") else { return nil }
        let words = verb.said[start.upperBound...].split(whereSeparator: \.isWhitespace).prefix(11)
        return words.count == 11 ? words.joined(separator: " ") : nil
    }

    /// Waits for a beacon's words, and writes them to the file that the browser script reads, as an operator reads the device.
    private func readWords(_ verb: Verb, into file: String) throws -> String {
        try eventually("the beacon shows its value\n\(verb.said)") { wordsShown(by: verb) != nil }
        let words = try #require(wordsShown(by: verb))
        try Data(words.utf8).write(to: URL(filePath: file), options: .atomic)
        return words
    }

    /// Whether the page shows these words, except for the three that it hides.
    private func agrees(_ shown: Any?, _ words: String) -> Bool {
        let (page, device) = ((shown as? String ?? "").split(separator: " "), words.split(separator: " "))
        return page.count == 11 && page.count { $0 == "?" } == 3
            && zip(page, device).allSatisfy { $0 == "?" || $0 == $1 }
    }

    @Test("a join appears without a reload, its page asks for three of the device's words, and Enter accepts it")
    func accepting() throws {
        let file = network.folder + "/words"
        let browser = try console.browse("press-accept", Node.beacon, "--words", file)
        try browser.signedIn()
        let verb = try Verb(beacon, "join", "--human")
        let words = try readWords(verb, into: file)
        let seen = try browser.seen()
        #expect(verb.child.wait() == 0, "\(verb.said)")
        #expect(beacon.membership == "member")
        #expect(agrees(seen["value"], words), "\(seen) \(words)")
        #expect(seen["isTheSamePage"] as? Bool == true)
        #expect(seen["announced"] as? String == "Device \(Node.beacon) asks to join.")
        #expect((seen["said"] as? String)?.contains("device \(Node.beacon) is a member now") == true, "\(seen)")
        #expect(!console.said.contains(words))
    }

    @Test("Enter on Refuse refuses it, and the beacon is told that a person refused it")
    func refusing() throws {
        let file = network.folder + "/words"
        let browser = try console.browse("press-accept", Node.beacon, "--refuse", "--words", file)
        try browser.signedIn()
        let verb = try Verb(beacon, "join", "--human")
        _ = try readWords(verb, into: file)
        #expect((try browser.seen()["said"] as? String)?.contains("Refused") == true)
        #expect(verb.child.wait() == 1 && beacon.membership != "member")
        #expect(verb.said.contains("a person at server \(Node.c2) refused this join"), "\(verb.said)")
    }

    @Test(
        "the attack: the second click of a double click on Accept, with two joins waiting, accepts nothing",
        arguments: [120, 200, 350])
    func doubleClick(gap: Int) throws {
        let file = network.folder + "/words"
        try PlainDevice(network).say(.humanJoinRequest)
        try console.hear("compare for \(Node.device)")
        let verb = try Verb(beacon, "join", "--human")
        _ = try readWords(verb, into: file)
        let seen = try console.browse("double-click", Node.beacon, "--words", file, "--gap", String(gap)).seen()
        #expect(verb.child.wait() == 0, "\(verb.said)")
        #expect((seen["said"] as? String)?.contains("device \(Node.beacon) is a member now") == true, "\(seen)")
        #expect(console.said.ranges(of: "by a human: accepted").count == 1)
        #expect(!console.said.contains("join of \(Node.device) by a human"))
    }

    @Test("the open page of a replaced join loses its buttons, says why, and nothing is done")
    func replaced() throws {
        let device = try PlainDevice(network)
        try device.say(.humanJoinRequest)
        try console.hear("compare for \(Node.device)")
        let browser = try console.browse("watch", Node.device)
        try browser.opened()
        try device.say(.humanJoinRequest)
        let seen = try browser.seen()
        #expect((seen["said"] as? String)?.contains("Failed: device \(Node.device) has not joined") == true, "\(seen)")
        #expect(seen["buttons"] as? Int == 0 && seen["isTheSamePage"] as? Bool == true)
        #expect((seen["waiting"] as? String)?.contains("Compare \(Node.device)") == true)
        #expect(!console.said.contains("by a human: "))
    }

    @Test("everything also works without scripts")
    func withoutScript() throws {
        let file = network.folder + "/words"
        let verb = try Verb(beacon, "join", "--human")
        let words = try readWords(verb, into: file)
        let seen = try console.browse("without-script", Node.beacon, "--words", file).seen()
        #expect(agrees(seen["value"], words), "\(seen) \(words)")
        #expect((seen["said"] as? String)?.contains("is a member now") == true)
        #expect((seen["live"] as? String)?.contains("Reload") == true)
        #expect(verb.child.wait() == 0)
    }

    @Test(
        "every page, light and dark, wide and narrow: an accessibility engine finds nothing; contrast, no overflow, keyboard"
    )
    func looking() throws {
        let axe = try Network.run(Network.project + "/Tests/SystemTests/Console/axe", [])
        let other = try PlainDevice(network)
        try other.say(.joinRequest)
        try other.say(.data(id: Octets(String(repeating: "x", count: 2_000).utf8), data: Octets([1])))
        let verb = try Verb(beacon, "join", "--human")
        try console.hear("compare for \(Node.beacon)")
        let seen = try console.browse("look", Node.beacon, "--axe", axe.trimmingCharacters(in: .newlines)).seen()
        #expect(verb.child.isRunning)
        let drawn = (seen["drawn"] as? [String])?.joined(separator: "\n") ?? ""
        for words in ["device", "beacon", "C2", "HM_JOIN_REQ", "HM_JOIN_RESP"] { #expect(drawn.contains(words)) }
        #expect((seen["joinDrawn"] as? Int).map { $0 > 10 } == true)
        #expect((seen["rows"] as? Int).map { $0 >= 3 } == true)
    }

    @Test("an open list counts what is new and moves nothing; a banner says that the broker is lost")
    func counting() throws {
        let browser = try console.browse("live", Node.beacon)
        try browser.opened()
        try PlainDevice(network).say(.joinRequest)
        try browser.shown()
        network.stopBroker()
        let seen = try browser.seen()
        #expect((seen["counted"] as? String)?.contains("new, show") == true, "\(seen)")
        #expect(seen["before"] as? Int == seen["still"] as? Int)
        #expect((seen["banner"] as? String)?.contains("has lost its broker") == true)
    }
}
