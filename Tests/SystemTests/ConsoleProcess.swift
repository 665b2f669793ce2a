import Foundation
import Keys
import SRUP
import SystemSupport
import Testing

/// A real `srup-bench c2 --web`, and its clients: curl, a browser, and nodes at the broker.
final class ConsoleProcess {
    let network: Network
    private let talk: Dialogue
    let port: String
    private var cookie = ""

    init(_ network: Network, _ options: String...) throws {
        self.network = network
        let (folder, id) = (network.folder, Node.c2.topicForm)
        let common = [
            "c2", "--id", id, "--key", "\(folder)/\(id).key.pem", "--keyring", folder, "--broker",
            "localhost:\(network.port)", "--ca", "\(folder)/ca.pem", "--cert", "\(folder)/\(id).cert.pem", "--tls-key",
            "\(folder)/\(id).tls.key", "--orders", "--web",
        ]
        talk = try Dialogue(Network.products + "/srup-bench", common + options)
        try talk.hear("#key=")
        guard
            let port = talk.said.firstMatch(
                of: /console on http:\/\/localhost:([0-9]+)\/ — sign in with [0-9a-f]{32}\n/)
        else { throw NotInTime(what: "where the console is: \(talk.said)") }
        self.port = String(port.1)
    }

    var said: String { talk.said }

    func hear(_ words: String) throws { try talk.hear(words) }

    func order(_ line: String) { talk.answer(line) }

    func end() -> Int32 { talk.end(with: SIGTERM) }

    /// The newest key: each signs in once.
    var key: String {
        talk.said.matches(of: /(?:sign in with|next time is) ([0-9a-f]{32})/).last.map { String($0.1) } ?? ""
    }

    // MARK: - HTTP

    struct Reply {
        let status: Int
        /// Names in lower case, one a line.
        let head: String
        let text: String
    }

    /// A request by curl; with `form`, a POST from the console's own origin.
    func http(_ path: String, form: String? = nil, _ more: [String] = [], host: String = "localhost") throws -> Reply {
        var arguments = ["-sS", "-i", "--max-time", "20", "http://\(host):\(port)\(path)"]
        if !cookie.isEmpty { arguments += ["-H", "Cookie: \(cookie)"] }
        if let form {
            arguments += ["--data-raw", form]
            if !more.contains(where: { $0.hasPrefix("Origin:") }) {
                arguments += ["-H", "Origin: http://\(host):\(port)"]
            }
        }
        let said = try Network.run("/usr/bin/curl", arguments + more)
        let parts = said.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let status = said.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return Reply(
            status: status ?? 0, head: String(parts.first ?? "").lowercased(),
            text: parts.count > 1 ? String(parts[1]) : "")
    }

    /// Signs in; all later requests are this session's.
    /// - Returns: the token of its forms.
    func signIn() throws -> String {
        let reply = try http("/sign-in", form: "key=\(key)")
        cookie = reply.head.firstMatch(of: /set-cookie: ([^;]+);/).map { String($0.1) } ?? ""
        return try token()
    }

    /// A stream of events that stays open.
    func listen() throws -> Child {
        let file = network.folder + "/events"
        let child = try Child(
            "/usr/bin/curl",
            ["-sS", "-N", "--max-time", "60", "-H", "Cookie: \(cookie)", "http://localhost:\(port)/events"],
            output: file)
        try eventually("the stream is open") {
            (try? String(contentsOfFile: file, encoding: .utf8))?.contains("retry: ") == true
        }
        return child
    }

    func token() throws -> String {
        try #require(try http("/").text.firstMatch(of: /name="token" value="([0-9a-f]{32})"/)).1.description
    }

    /// The open join of a device, as the page has it.
    func join(of device: Identifier) throws -> String? {
        try http("/").text.firstMatch(
            of: try Regex("id=\"join-([0-9a-f-]+)\" class=\"join\" data-device=\"\(device)\"")
        )
        .flatMap { $0.output[1].substring.map(String.init) }
    }

    // MARK: - Deciding

    /// The hidden fields of a join's form, as its page has them now.
    func form(_ join: String, view: String? = nil) throws -> String {
        let page = try http("/joins/\(join)" + (view.map { "?view=\($0)" } ?? "")).text
        let form = page.firstMatch(of: /<form method="post" action="\/join".*?<\/form>/.dotMatchesNewlines())?.0 ?? ""
        return form.matches(of: /type="hidden" name="([a-z]+)" value="([^"]*)"/).map { "\($0.1)=\($0.2)" }
            .joined(separator: "&")
    }

    /// Keeps the join's page open for the minimum time, and decides, in a view without words to type.
    func decide(_ join: String, _ decision: String) throws -> Reply {
        let form = try form(join)
        Thread.sleep(forTimeInterval: 1.6)
        return try http("/join", form: form + "&decision=\(decision)")
    }

    // MARK: - The browser

    static let browserScript = Network.project + "/Tests/SystemTests/Console/browser.py"

    /// Whether a browser starts here. With CI=true one is assumed, and the tests fail without it.
    static let hasBrowser: Bool = {
        if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
        return (try? Network.output(browserScript, ["start"]))?.status == 0
    }()

    /// A browser that runs in the background; `seen` waits for its end.
    final class Browsing {
        private let child: Child
        private let file: String

        init(_ console: ConsoleProcess, _ action: String, _ device: Identifier, _ more: [String]) throws {
            file = console.network.folder + "/browser-\(UUID().uuidString)"
            child = try Child(
                ConsoleProcess.browserScript,
                [
                    action, "--url", "http://localhost:\(console.port)/#key=\(console.key)", "--device",
                    device.description,
                ]
                    + more, output: file)
        }

        deinit { child.end() }

        var said: String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }

        /// Waits until its session is there.
        func signedIn() throws {
            try eventually("the browser has signed in: \(said)", within: 60) {
                guard child.isRunning || said.contains("signed in") else { throw NotInTime(what: said) }
                return said.contains("browser: signed in")
            }
        }

        /// Waits until it has a join's page open.
        func opened() throws {
            try eventually("the browser has opened the join: \(said)", within: 60) {
                guard child.isRunning || said.contains("opened") else { throw NotInTime(what: said) }
                return said.contains("browser: opened")
            }
        }

        /// Waits until it has shown what was new.
        func shown() throws {
            try eventually("the browser has shown what is new: \(said)", within: 60) {
                guard child.isRunning || said.contains("shown") else { throw NotInTime(what: said) }
                return said.contains("browser: shown")
            }
        }

        /// What it saw; throws if something was wrong.
        func seen() throws -> [String: Any] {
            let status = child.wait(within: 120)
            guard status == 0 else { throw NotInTime(what: "the browser ended with \(status): \(said)") }
            let line = said.split(separator: "\n").first { $0.hasPrefix("{") } ?? ""
            return try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
        }
    }

    func browse(_ action: String, _ device: Identifier, _ more: String...) throws -> Browsing {
        try Browsing(self, action, device, more)
    }
}

/// A device that sends what the test tells it to.
final class PlainDevice {
    private let network: Network
    private let id: Identifier
    private let key: IdentityKey
    private var sequence: UInt64

    /// - Parameter sequence: the number before the first one; the server's answers count, too.
    init(_ network: Network, _ id: Identifier = Node.device, sequence: UInt64 = 1_000) throws {
        (self.network, self.id, self.sequence) = (network, id, sequence)
        key = try IdentityKey(pemFile: network.folder + "/\(id.topicForm).key.pem")
    }

    /// Publishes a signed message to the server.
    func say(_ body: Body) throws {
        sequence += 100
        let message = Message(sequence: SequenceID(sequence), sender: id, token: TestServer.token(), body: body)
        let (folder, name) = (network.folder, id.topicForm)
        let file = folder + "/frame-\(sequence)"
        try Data(try message.signed(by: key)).write(to: URL(filePath: file))
        try Network.run(
            "/usr/bin/mosquitto_pub",
            [
                "-h", "localhost", "-p", String(network.port), "--cafile", "\(folder)/ca.pem", "--cert",
                "\(folder)/\(name).cert.pem", "--key", "\(folder)/\(name).tls.key", "-i", name, "-q", "1", "-t",
                message.topic(to: Node.c2), "-f", file,
            ])
    }
}
