import Foundation
import SystemSupport
import TestVectors
import Testing

@Suite("Help", .blocking)
struct HelpTests {
    @Test("both commands report the same version")
    func versions() throws {
        func version(_ command: String) throws -> String {
            try Network.output(Network.products + "/" + command, ["--version"]).text
        }
        let versions = [try version("srup-beacon"), try version("srup-bench")]
        #expect(versions[0] == versions[1] && versions[0].contains("."))
    }

    @Test(
        "of each command and subcommand says what it does and names its options",
        arguments: [
            ("srup-beacon", [], ["run", "status", "observations", "--version"]),
            (
                "srup-beacon", ["enrol"],
                [
                    "--config", "--ca", "--type", "--identity", "--token", "--replace", "--dry-run", "--c2",
                    "Interrupted",
                ],
            ),
            ("srup-beacon", ["renew"], ["--config", "--ca", "access.old"]),
            ("srup-beacon", ["run"], ["--config", "--check", "SIGHUP"]),
            ("srup-beacon", ["status"], ["--config", "--json"]),
            (
                "srup-beacon", ["observations"],
                [
                    "--config", "--json", "--limit", "--wide", "--no-pager", "--since", "--until", "--device",
                    "--verdict",
                ]
            ),
            ("srup-beacon", ["audit"], ["export", "verify"]),
            (
                "srup-beacon", ["audit", "export"],
                ["--config", "--json", "--csv", "--output", "--since", "--until", "--device", "--verdict"]
            ),
            ("srup-bench", ["audit", "verify"], ["--keys", "--heads", "--json", "Exit status"]),
            (
                "srup-bench", ["audit", "export"],
                ["--state", "--since", "--until", "--device", "--verdict", "--csv", "--output"]
            ),
            ("srup-beacon", ["explain"], ["--config", "--json", "token"]),
            ("srup-beacon", ["watch"], ["--config", "--once", "Ctrl-C"]),
            ("srup-beacon", ["doctor"], ["--config", "--json", "--all", "Exit status"]),
            ("srup-beacon", ["metrics"], ["--config", "Prometheus"]),
            ("srup-beacon", ["config"], ["--config", "--json", "--hash", "conf.d"]),
            ("srup-beacon", ["support"], ["--config", "--output", "--messages", "--visit", "token"]),
            ("srup-beacon", ["pair"], ["--config", "--seconds", "authenticated"]),
            (
                "srup-bench", [],
                [
                    "keys", "c2", "history", "device", "load", "scan", "pair", "decode", "diagram", "merge", "replay",
                    "view", "study", "registry", "enrol",
                    "renew",
                ]
            ),
            (
                "srup-bench", ["registry"],
                [
                    "init", "run", "code", "token", "reader", "tokens", "withdraw", "list", "revoke", "rekey", "renew",
                    "ca",
                ]
            ),
            (
                "srup-bench", ["enrol"],
                ["--folder", "--ca", "--token", "--type", "--identity", "--replace", "--enrolled"]
            ),
            ("srup-bench", ["registry", "code"], ["--url", "--token", "--form", "--output", "secret"]),
            ("srup-bench", ["registry", "init"], ["--host", "--broker", "--c2-key", "--c2-certificate", "--crl"]),
            (
                "srup-bench", ["registry", "run"],
                ["--port", "--bind", "--tokens", "--open-keys", "--certificate-days", "--on-list", "--metrics"]
            ),
            ("srup-bench", ["scan"], ["--seconds", "--adapter", "--json", "CAP_NET_ADMIN"]),
            ("srup-bench", ["pair"], ["--kind", "--adapter", "--seconds"]),
            ("srup-bench", ["keys"], ["--out", "--bits", "--devices", "--pool"]),
            (
                "srup-bench", ["load"],
                [
                    "--devices", "--first", "--joins", "--rate", "--burst", "--window", "--share", "--seed", "--mode",
                    "--csv", "--json", "--svg", "--trace", "wrong-id",
                ]
            ),
            ("srup-bench", ["merge"], ["--device", "--token", "--offset"]),
            ("srup-bench", ["replay"], ["--link", "--most", "--timed", "--wait", "--json"]),
            (
                "srup-bench", ["c2"],
                [
                    "--enrolled", "--id", "--key", "--keyring", "--broker", "--ca", "--cert", "--tls-key", "--window",
                    "--state",
                    "--registry", "--registry-ca", "--reader-token", "--web", "--tls-key-log",
                ]
            ),
            ("srup-bench", ["history"], ["--state", "--node", "--last", "--json", "--svg"]),
            (
                "srup-bench", ["device"],
                ["--server", "--observer", "--link", "--beacon", "--over", "--mode", "--wrong-value", "--silent"]
            ),
            (
                "srup-bench", ["prove"],
                ["--run", "--device-key", "--link-only", "--only", "--list", "--json", "--patient", "PROVE_LINK", "69"]
            ),
            ("srup-bench", ["decode"], ["--verify-with", "--open-with"]),
            ("srup-bench", ["diagram"], ["--title", "--svg", "--colour", "COLUMNS", "NO_COLOR"]),
            ("srup-bench", ["study"], ["--output", "--views", "--bits", "--pairs", "--seed", "--timeout", "Ctrl-C"]),
            ("srup-bench", ["view"], ["--as", "--form", "--output", "pictograph", "NO_COLOR"]),
        ] as [(String, [String], [String])])
    func help(command: String, verb: [String], names: [String]) throws {
        for flag in ["--help", "-h"] {
            let reply = try Network.output(Network.products + "/" + command, verb + [flag])
            #expect(reply.status == 0)
            #expect(reply.text.split(separator: "\n").count > 5)
            for name in names { #expect(reply.text.contains(name), "\(command) \(verb): \(name)") }
        }
    }

    @Test("a command with invalid arguments fails and names its help")
    func nonsense() throws {
        for arguments in [["nonsense"], ["run", "--nonsense"], ["observations", "--limit", "0"]] {
            let reply = try Network.output(Network.products + "/srup-beacon", arguments)
            #expect(reply.status != 0)
            #expect(reply.text.contains("--help"), "\(reply.text)")
        }
    }

    @Test("the version is a number")
    func version() throws {
        let reply = try Network.output(Network.products + "/srup-beacon", ["--version"])
        #expect(reply.status == 0)
        #expect(reply.text.wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+\n/) != nil)
    }
}
