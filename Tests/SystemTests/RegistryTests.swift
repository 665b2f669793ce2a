import Foundation
import SystemSupport
import TestVectors
import Testing

@Suite("The registration service", .blocking, .serialized)
struct RegistryTests {
    private let id = Node.device.topicForm

    @Test("enrols a device with the reference's requests, and a broker accepts it until it is revoked")
    func enrolsForTheBroker() throws {
        let registry = try RegistryProcess()
        #expect(try registry.enrol(id) == ["201", "200", "200"], "\(registry.log)")
        let broker = try RegistryBroker(registry)
        #expect(try broker.letsIn(id, publishingTo: "SRUP/\(id)"))
        #expect(try !broker.letsIn(id, publishingTo: "SRUP/77"), "the user is the certificate's name")
        #expect(try registry.verb("list").hasPrefix("\(id)  validated "))

        try registry.verb("revoke", [id])
        broker.readAgain()
        try eventually("the broker refuses it") { try !broker.letsIn(id, publishingTo: "SRUP/\(id)") }
        #expect(try registry.verb("list").hasPrefix("\(id)  revoked "))
        #expect(try registry.curl("get_key/\(id)").status == "401")
        let reader = try registry.verb("reader").trimmingCharacters(in: .whitespacesAndNewlines)
        let header = ["-H", "Authorization: Bearer \(reader)"]
        #expect(try registry.curl("get_key/\(id)", nil, header).status == "404")
        #expect(registry.stop() == 0)
    }

    @Test("accepts tokens that were made while it runs, and gives a C2 server what it needs")
    func tokens() throws {
        let registry = try RegistryProcess(options: ["--tokens", "required"])
        #expect(try registry.enrol(id) == ["403", "400", "400"])
        let token = try registry.verb("token").trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try registry.enrol(id, token: token) == ["201", "200", "200"])
        let c2 = try registry.verb("reader", ["--may-deregister"]).trimmingCharacters(in: .whitespacesAndNewlines)
        let header = ["-H", "Authorization: Bearer \(c2)"]
        #expect(try registry.curl("get_type/\(id)", nil, header).text == "thing")
        let key = try registry.curl("get_key/\(id)", nil, header).text
        let pem = try #require(Data(base64Encoded: key))
        try pem.write(to: URL(filePath: registry.folder + "/fetched.pem"))
        let shown = try registry.openssl("rsa -pubin -in \(registry.folder)/fetched.pem -pubout")
        #expect(shown.contains(String(decoding: pem, as: UTF8.self)))
        #expect(try registry.curl("deregister", #"{"identity":"\#(id)"}"#).status == "401")
        #expect(try registry.curl("deregister", #"{"identity":"\#(id)"}"#, header).status == "200")
        #expect(try registry.curl("get_key/\(id)", nil, header).status == "404")
        #expect(!registry.log.contains(token) && !registry.log.contains(c2))
    }

    @Test("lists tokens, and withdraws one while it runs")
    func withdrawal() throws {
        let registry = try RegistryProcess(options: ["--tokens", "required"])
        let token = try registry.verb("token", ["--label", "hall lamp", "--uses", "2"])
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let line = try registry.verb("tokens")
        #expect(line.contains("  enrols any type  used 0, left 2  made 2"))
        #expect(line.contains("  \"hall lamp\""))
        #expect(!line.contains(token))
        let number = String(line.prefix(8))
        #expect(try registry.verb("withdraw", [number]) == "withdrew \(number) \"hall lamp\"\n")
        #expect(try registry.enrol(id, token: token) == ["403", "400", "400"])
        #expect(try registry.verb("tokens").isEmpty)
        let again = try Network.output(
            RegistryProcess.bench, ["registry", "withdraw", "--folder", registry.folder + "/registry", number])
        #expect(again.status == 1)
        #expect(again.text.contains("hint: list the tokens"))
    }

    @Test("limits bytes, headers and time of one connection")
    func bounds() throws {
        let registry = try RegistryProcess(options: ["--connection-seconds", "2"])
        let body = registry.folder + "/body"
        try Data(repeating: 0x20, count: 1 << 20).write(to: URL(filePath: body))
        #expect(try registry.curl("register", nil, ["--data-binary", "@" + body]).status == "413")
        let header = ["-H", "X: " + String(repeating: "a", count: 20_000)]
        #expect(try registry.curl("status", nil, header).status == "400")
        // A client that sends a byte now and then, or nothing at all, is disconnected after two seconds.
        for slow in ["(while sleep 0.3; do printf 'G' || exit; done)", "sleep 20"] {
            let start = Date()
            let port = registry.url.split(separator: ":").last ?? ""
            _ = try Network.output(
                "/bin/bash",
                [
                    "-c",
                    "timeout 15 openssl s_client -quiet -connect localhost:\(port)"
                        + " -CAfile \(registry.folder)/registry/ca.pem < <(\(slow))",
                ])
            #expect(Date().timeIntervalSince(start) < 10)
            #expect(try registry.curl("status").status == "200")
        }
    }

    @Test("counts the requests of one address over all its connections")
    func rate() throws {
        let registry = try RegistryProcess(options: ["--requests-per-minute", "3"])
        for _ in 0..<3 { #expect(try registry.curl("status").status == "200") }
        let refused = try registry.curl("status", nil, ["-i"])
        #expect(refused.status == "429")
        #expect(refused.text.lowercased().contains("retry-after: "))
    }

    @Test("speaks TLS 1.2 or later, under its own name only, and nothing without TLS")
    func tls() throws {
        let registry = try RegistryProcess()
        let curl = ["-sS", "--max-time", "5", "--cacert", registry.folder + "/registry/ca.pem"]
        let status = registry.url + "/KeyEx/register/status"
        for (more, url) in [
            (["--tls-max", "1.1"], status), ([], status.replacing("localhost", with: "127.0.0.1")),
            ([], status.replacing("https:", with: "http:")),
        ] {
            #expect(try Network.output("/usr/bin/curl", curl + more + [url]).status != 0, "\(url)")
        }
        #expect(try registry.curl("status").status == "200")
    }

    @Test("reports a wrong folder or port with a hint, in two lines")
    func faults() throws {
        let registry = try RegistryProcess()
        let port = String(registry.url.split(separator: ":").last ?? "")
        let folder = registry.folder + "/registry"
        for (arguments, hint) in [
            (["run", "--folder", registry.folder + "/nothing"], "install -d"),
            (["run", "--folder", folder, "--port", port], "another --port"),
            (["revoke", "--folder", folder, "abc"], "registry list"),
        ] {
            let reply = try Network.output(RegistryProcess.bench, ["registry"] + arguments)
            let lines = reply.text.split(separator: "\n")
            #expect(reply.status == 1)
            #expect(lines.count == 2, "\(reply.text)")
            #expect(lines.first?.hasPrefix("srup-bench: ") == true)
            #expect(lines.last?.hasPrefix("hint: ") == true && lines.last?.contains(hint) == true, "\(reply.text)")
        }
    }
}
