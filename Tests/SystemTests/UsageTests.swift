import Foundation
import SystemSupport
import TestVectors
import Testing

/// A subcommand as the command itself describes it, so that a new one is tested without being named here.
private struct Described: Decodable {
    struct Argument: Decodable {
        struct Name: Decodable { var name: String }
        var kind: String
        var isOptional: Bool
        var isRepeating: Bool
        var valueName: String?
        var preferredName: Name?
        var abstract: String?
        var allValues: [String]?

        /// As it is typed.
        var option: String { preferredName.map { "--\($0.name)" } ?? "<\(valueName ?? "")>" }
    }

    var commandName: String
    var arguments: [Argument]?
    var subcommands: [Described]?

    /// Those that can be run, with the words that name them.
    func verbs(_ path: [String] = []) -> [(path: [String], arguments: [Argument])] {
        let below = (subcommands ?? []).filter { $0.commandName != "help" }
        guard below.isEmpty else { return below.flatMap { $0.verbs(path + [$0.commandName]) } }
        return [(path, (arguments ?? []).filter { !["help", "version"].contains($0.preferredName?.name) })]
    }
}

private struct Dump: Decodable { var command: Described }

@Suite("Usage errors of both commands", .blocking)
struct UsageTests {
    private func verbs(_ command: String) throws -> [(path: [String], arguments: [Described.Argument])] {
        let text = try Network.run(Network.products + "/" + command, ["--experimental-dump-help"])
        return try JSONDecoder().decode(Dump.self, from: Data(text.utf8)).command.verbs()
    }

    /// Expects status 64, a sentence with these words, and a hint that is a command, which is returned.
    private func expectFault(
        _ command: String, _ arguments: [String], _ words: String? = nil, _ location: SourceLocation = #_sourceLocation
    ) throws -> [String] {
        let reply = try Network.output(Network.products + "/" + command, arguments)
        let lines = reply.text.split(separator: "\n", omittingEmptySubsequences: false)
        let typed = "\(command) \(arguments.joined(separator: " "))\n\(reply.text)"
        #expect(reply.status == 64, "\(typed)", sourceLocation: location)
        #expect(lines.count == 3 && lines.last == "", "\(typed)", sourceLocation: location)
        #expect(
            lines[0].hasPrefix("\(command): ") && (words.map { lines[0].contains($0) } ?? true), "\(typed)",
            sourceLocation: location)
        let hint = "hint: run: \(command) "
        guard lines.count > 1, lines[1].hasPrefix(hint) else {
            Issue.record("no such hint: \(typed)", sourceLocation: location)
            return []
        }
        return lines[1].dropFirst(hint.count).split(separator: " ").map(String.init)
    }

    @Test("every subcommand: an unknown option, and one with a typing error", arguments: commands)
    func unknownOption(command: String) throws {
        for verb in try verbs(command) {
            let hint = try expectFault(command, verb.path + ["--nonsense-of-mine"], "unknown option")
            #expect(hint == verb.path + ["--help"])
            #expect(try Network.output(Network.products + "/" + command, hint).status == 0, "\(hint)")
            guard let option = verb.arguments.first(where: { $0.option.count > 5 && $0.kind != "positional" }) else {
                continue
            }
            let slip = option.option.dropLast(2) + String(option.option.suffix(2).reversed()) + "x"
            _ = try expectFault(command, verb.path + [String(slip)], "did you mean \"\(option.option)\"?")
        }
    }

    @Test("every subcommand: a required option or argument that is missing", arguments: commands)
    func missing(command: String) throws {
        for verb in try verbs(command) {
            for argument in verb.arguments where !argument.isOptional {
                let name = argument.kind == "positional" ? "missing argument" : "missing option"
                let others = verb.arguments.filter { !$0.isOptional && $0.option != argument.option }
                let words = others.flatMap { other in
                    let value = other.allValues?.first ?? UsageTests.samples[other.valueName ?? ""] ?? "x"
                    return other.kind == "positional" ? [value] : [other.option, value]
                }
                #expect(try expectFault(command, verb.path + words, name) == verb.path + ["--help"])
            }
        }
    }

    @Test("every subcommand: an option whose value is missing", arguments: commands)
    func missingValue(command: String) throws {
        for verb in try verbs(command) {
            // Not an option whose value is optional.
            guard let option = verb.arguments.last(where: { $0.kind == "option" && $0.option != "--web" }) else {
                continue
            }
            let words = "missing value of \(option.option) <"
            #expect(try expectFault(command, verb.path + [option.option], words) == verb.path + ["--help"])
        }
    }

    @Test("every subcommand: an argument too many", arguments: commands)
    func superfluous(command: String) throws {
        for verb in try verbs(command) where !verb.arguments.contains(where: \.isRepeating) {
            let required = verb.arguments.filter { $0.kind != "positional" && !$0.isOptional }.flatMap {
                [$0.option, $0.allValues?.first ?? UsageTests.samples[$0.valueName ?? ""] ?? "x"]
            }
            let positional = verb.arguments.filter { $0.kind == "positional" }.map {
                UsageTests.samples[$0.valueName ?? ""] ?? "x"
            }
            let words = verb.path + required + (UsageTests.needed[verb.path] ?? []) + positional + ["superfluous"]
            #expect(try expectFault(command, words, "unexpected argument \"superfluous\"") == verb.path + ["--help"])
        }
    }

    @Test(
        "an unknown subcommand, with the most similar one",
        arguments: [
            ("srup-beacon", ["nonsense"], "unknown verb \"nonsense\""),
            ("srup-beacon", ["stauts", "--json"], "unknown verb \"stauts\"; did you mean \"status\"?"),
            ("srup-beacon", ["jion", "c2", "--human"], "unknown verb \"jion\"; did you mean \"join\"?"),
            ("srup-bench", ["devise"], "unknown verb \"devise\"; did you mean \"device\"?"),
            ("srup-bench", ["registry", "tokne"], "unknown verb \"tokne\"; did you mean \"token\"?"),
        ])
    func unknownVerb(command: String, words: [String], message: String) throws {
        #expect(
            try expectFault(command, words, message) == words.dropLast(words.count - (words[0] == "registry" ? 1 : 0))
                + ["--help"])
    }

    @Test(
        "an invalid value",
        arguments: [
            "srup-beacon enrol register.example.org", "srup-beacon enrol https://r.example --timeout 0",
            "srup-beacon enrol https://r.example --bits 1024", "srup-beacon enrol https://r.example --identity me",
            "srup-beacon enrol https://r.example --broker b:x --c2 c2", "srup-beacon enrol https://r.example --c2 c2",
            "srup-beacon observations --limit 0", "srup-beacon observations --limit many", "srup-beacon join me",
            "srup-beacon join c2 --seconds 0", "srup-beacon join c2 --as sounds", "srup-beacon join c2 --observed me",
            "srup-beacon join c2 --observed b1 --at home", "srup-beacon join --at local:/x",
            "srup-beacon join --simple --human", "srup-beacon resign me", "srup-beacon deregister me",
            "srup-beacon pair --seconds 5", "srup-beacon renew --timeout soon", "srup-beacon rotate --bits 1",
            "srup-beacon fetch --url https://x --digest 12", "srup-bench keys --out k --bits 7 c2",
            "srup-bench keys --out k me", "srup-bench enrol https://x --folder f --identity me",
            "srup-bench enrol x --folder f", "srup-bench c2", "srup-bench c2 --enrolled d",
            "srup-bench c2 --enrolled d --keyring k --allow d1=magic", "srup-bench c2 --enrolled d --keyring k --web x",
            "srup-bench c2 --enrolled d --keyring k --broker b", "srup-bench c2 --enrolled d --keyring k --window -1",
            "srup-bench device --enrolled d", "srup-bench device --enrolled d --link x --observer b1",
            "srup-bench device --enrolled d --link local:/x", "srup-bench device --enrolled d --beacon any",
            "srup-bench device --enrolled d --link local:/x --observer b1 --mode x",
            "srup-bench history --state s --last 0", "srup-bench history --state s --since soon",
            "srup-bench history --state s --verdict good", "srup-bench c2 --enrolled d --keyring k --open-joins 0",
            "srup-bench c2 --enrolled d --keyring k --history-days 0",
            "srup-bench scan --seconds x", "srup-bench scan --adapter x", "srup-bench pair x",
            "srup-bench pair 00:11:22:33:44:55 --seconds 1", "srup-bench view 12 --as words",
            "srup-bench view - --as sounds", "srup-bench study --output f --pairs 1",
            "srup-bench study --output f --pairs 6",
            "srup-bench study --output f --bits 0",
            "srup-bench study --output f --bits 1,1", "srup-bench study --output f --bits 129",
            "srup-bench study --output f --views words,words", "srup-bench study --output f --views sounds",
            "srup-bench study --output f --timeout 0", "srup-bench registry run --folder f --port x",
            "srup-bench registry run --folder f --bind localhost",
            "srup-bench registry run --folder f --requests-per-minute 0",
            "srup-bench registry run --folder f --all-requests-per-minute 1000001",
            "srup-bench registry run --folder f --connections-per-address 0",
            "srup-bench registry run --folder f --all-connections 7",
            "srup-bench registry run --folder f --most-waiting 0",
            "srup-bench registry run --folder f --most-identities 0",
            "srup-bench registry run --folder f --certificates-per-hour 0",
            "srup-bench registry token --folder f --name a --uses 2", "srup-bench renew --folder f --wait -1",
            "srup-beacon renew --wait 86401",
            "srup-bench registry run --folder f --certificate-days 0", "srup-bench registry token --folder f --uses 0",
            "srup-bench registry reader --folder f --hours 0", "srup-bench registry revoke --folder f me",
            "srup-bench registry init --folder f --host h --c2 c2 --c2-key k --bits 1",
            "srup-bench registry init --folder f --host h --c2 c2 --c2-key k --broker nowhere",
        ])
    func invalid(line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        let verb = words[1] == "registry" ? 2 : 1
        #expect(try expectFault(words[0], Array(words.dropFirst())) == words[1...verb] + ["--help"])
    }

    @Test("the beacon writes no TLS keys: no verb of it has such an option")
    func noKeyLog() throws {
        _ = try expectFault("srup-beacon", ["run", "--tls-key-log", "keys.log"], "unknown option \"--tls-key-log\"")
        for verb in try verbs("srup-beacon") {
            #expect(verb.arguments.allSatisfy { !$0.option.contains("log") }, "\(verb.path)")
        }
    }

    @Test("a value that people compare is not repeated in the error about it")
    func secret() throws {
        let words = ["view", "0123456789abcdef", "--as", "words"]
        let reply = try Network.output(Network.products + "/srup-bench", words)
        #expect(reply.status == 64 && !reply.text.contains(words[1]), "\(reply.text)")
    }

    @Test("--help marks what is required, and no placeholder only repeats the option's name", arguments: commands)
    func help(command: String) throws {
        for verb in try verbs(command) {
            for argument in verb.arguments where argument.kind != "flag" {
                let place = "\(command) \(verb.path.joined(separator: " ")) \(argument.option)"
                let isMarked = argument.abstract?.contains("(required)") == true
                #expect(isMarked == !argument.isOptional, "\(place)")
                guard let name = argument.preferredName?.name, !["seconds", "hours", "identity"].contains(name) else {
                    continue
                }
                #expect(argument.valueName?.lowercased() != name, "\(place)")
            }
        }
    }

    private static let commands = ["srup-beacon", "srup-bench"]

    /// What these need besides what is always required.
    private static let needed = [
        ["device"]: ["--enrolled", "d", "--link", "local:/x", "--observer", "b1"], ["captured"]: ["--enrolled", "d"],
    ]

    /// A value for each placeholder that does not accept any word.
    private static let samples = [
        "identity": "c2", "server": "c2", "bdaddr": "00:11:22:33:44:55", "URL": "https://x.example", "value": "-",
        "hex": String(repeating: "0", count: 64), "URL|file": "https://x.example", "address": "local:/x",
    ]
}
