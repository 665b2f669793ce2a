import Foundation
import FoundationXML
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("The console of a C2 server", .blocking)
struct ConsoleTests {
    let network: Network

    init() throws { network = try Network() }

    // MARK: - Over HTTP

    @Test("it listens on the loopback addresses and nowhere else, and its key is printed once")
    func listening() throws {
        let console = try ConsoleProcess(network)
        for host in ["localhost", "127.0.0.1"] {
            #expect(try console.http("/", host: host).text.contains("name=\"key\""))
        }
        let listened = try ["tcp", "tcp6"].flatMap { try listeners($0, at: console.port) }
        #expect(listened.contains("0100007F"))
        #expect(Set(listened).isSubset(of: ["0100007F", "00000000000000000000000001000000"]), "\(listened)")
        #expect(console.said.ranges(of: "sign in with").count == 1)
        // Also while a page waits for events.
        _ = try console.signIn()
        let page = try console.listen()
        #expect(console.end() == 0)
        #expect(page.wait() != 0)  // curl was cut off
    }

    /// The addresses, as the kernel writes them, that are listened on at a port.
    private func listeners(_ table: String, at port: String) throws -> [String] {
        let suffix = ":" + String(try #require(UInt16(port)), radix: 16, uppercase: true)
        let text = (try? String(contentsOfFile: "/proc/net/\(table)", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count > 3, words[1].hasSuffix(suffix), words[3] == "0A" else { return nil }
            return String(words[1].dropLast(suffix.count))
        }
    }

    @Test("every answer has the security headers, including refusals")
    func headers() throws {
        let console = try ConsoleProcess(network)
        for path in ["/", "/console.js", "/nowhere", "/sign-in"] {
            let head = try console.http(path).head
            for header in [
                "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'",
                "frame-ancestors 'none'", "x-content-type-options: nosniff", "cache-control: no-store",
                "x-frame-options: deny", "referrer-policy: same-origin", "cross-origin-resource-policy: same-origin",
            ] { #expect(head.contains(header), "\(path): \(header)") }
        }
        let signed = try console.http("/sign-in", form: "key=\(console.key)")
        #expect(signed.status == 303 && signed.head.contains("httponly; samesite=strict"))
    }

    @Test("silent connections of other users on this machine do not keep the operator from signing in or from the page")
    func silentConnections() throws {
        let console = try ConsoleProcess(network)
        let arguments = [Network.project + "/Tests/SystemTests/Registry/connections.py", "hold", console.port, "100"]
        let others = try Child("/usr/bin/python3", arguments, output: network.folder + "/others")
        try eventually("they are connected") {
            (try? String(contentsOfFile: network.folder + "/others", encoding: .utf8)) == "100\n"
        }
        defer { others.end(with: SIGKILL) }
        #expect(!(try console.signIn()).isEmpty)
        #expect(try console.http("/").status == 200)
    }

    @Test("a body above the limit is not read further", arguments: ["announced", "endless"])
    func longBody(kind: String) throws {
        let console = try ConsoleProcess(network)
        let arguments = [Network.project + "/Tests/SystemTests/Registry/connections.py", kind, console.port, ""]
        let reply = try Network.output("/usr/bin/python3", arguments)
        let words = reply.text.split(separator: "\n").first?.split(separator: " ") ?? []
        #expect(words.first == "413", "\(reply.text)")
        #expect(words.count == 2 && Int(words[1]).map { $0 < 16 << 20 } == true, "\(reply.text)")
    }

    @Test("strangers, other origins, other host names, and excessive input are refused, and nothing is done")
    func refusals() throws {
        let console = try ConsoleProcess(network)
        #expect(try console.http("/").status == 403)
        #expect(try console.http("/sign-in", form: "key=" + String(repeating: "0", count: 32)).status == 403)
        try console.hear("a wrong key was given (1 in all)")
        let order = "node=\(Node.device)&order=join"
        #expect(try console.http("/order", form: order).status == 403)

        let token = try console.signIn()
        #expect(try console.http("/nodes").text.contains(Node.device.description))
        #expect(try console.http("/order", form: order).status == 403)
        let whole = "token=\(token)&\(order)"
        #expect(try console.http("/order", form: whole, ["-H", "Origin: http://evil.example"]).status == 403)
        #expect(try console.http("/order", form: whole, ["-H", "Host: evil.example"]).status == 421)
        #expect(try console.http("/", ["-H", "Host: rebound.example:\(console.port)"]).status == 421)
        #expect(try console.http("/order", form: whole + "&x=" + String(repeating: "x", count: 10_000)).status == 413)
        #expect(try console.http("/", ["-H", "X-Long: " + String(repeating: "x", count: 60_000)]).status != 200)
        #expect(!console.said.contains("JOIN_CMD"))
        #expect(try console.http("/order", form: whole).status == 303)
        try console.hear("JOIN_CMD to \(Node.device)")

        #expect(try console.http("/sign-out", form: "token=\(token)").status == 303)
        #expect(try console.http("/order", form: whole).status == 403)
        #expect(console.said.ranges(of: "JOIN_CMD to").count == 1)
    }

    @Test("data from a device is shown as text, on the page and in the drawing")
    func escaping() throws {
        let console = try ConsoleProcess(network)
        _ = try console.signIn()
        let device = try PlainDevice(network)
        try device.say(.joinRequest)
        try console.hear("join of \(Node.device): accepted")
        let bad = "<script>alert(1)</script>"
        try device.say(.data(id: Octets(bad.utf8), data: Octets("\"><img src=x>".utf8)))
        // Evidence of a node that was not asked does not count.
        try device.say(
            .data(id: Octets("OBSERVATION_EVIDENCE".utf8), data: Octets("{\"<i>\":\"\(bad)\",\"n\":3}".utf8)))
        try console.hear(
            "refused DATA of \(Node.device): OBSERVATION_EVIDENCE under a token that no open observation has")
        let page = try console.http("/history").text
        let drawing = try console.http("/diagram.svg?node=\(Node.device)").text
        for text in [page, drawing] {
            #expect(!text.contains("<script>alert") && !text.contains("<img src=x") && !text.contains("<i>"))
            #expect(text.contains("&lt;script&gt;"))
        }
        #expect(XMLParser(data: Data(drawing.utf8)).parse())
    }

    @Test("accepting a value that a newer request has replaced does nothing, and the page says so")
    func outdated() throws {
        let console = try ConsoleProcess(network, "--view", "hexadecimal")
        _ = try console.signIn()
        let device = try PlainDevice(network)
        try device.say(.humanJoinRequest)
        try console.hear("compare for \(Node.device), hexadecimal, view 2 of 4: at the console")
        let first = try #require(try console.join(of: Node.device))
        let value = /[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}/
        let shown = try #require(try console.http("/joins/\(first)").text.firstMatch(of: value)).0
        let old = try console.form(first)
        try device.say(.humanJoinRequest)
        try eventually("another join") { try console.join(of: Node.device) != first }
        let second = try #require(try console.join(of: Node.device))

        let late = try console.http("/join", form: old + "&decision=accept")
        #expect(late.status == 409 && late.text.contains("Nothing was done"))
        #expect(try console.http("/joins/\(first)").text.contains("the device has asked again"))
        #expect(!console.said.contains("by a human"))
        let page = try console.http("/joins/\(second)").text
        #expect(page.firstMatch(of: value) != nil && !page.contains(shown))
        #expect(try console.decide(second, "accept").status == 303)
        try console.hear("human-moderated join of \(Node.device) by a human: accepted")
        // A decision is final, and the value is left nowhere.
        #expect(try console.http("/joins/\(second)").text.contains("is a member now"))
        #expect(try console.http("/joins/\(second)").text.firstMatch(of: value) == nil)
        #expect(console.said.firstMatch(of: value) == nil)
    }

    @Test("with the console, orders on standard input cannot decide, because nothing makes the operator look there")
    func onlyThere() throws {
        let console = try ConsoleProcess(network)
        let token = try console.signIn()
        try PlainDevice(network).say(.humanJoinRequest)
        try console.hear("compare for \(Node.device)")
        let join = try #require(try console.join(of: Node.device))
        for order in ["accept \(Node.device.topicForm) \(join.prefix(8))", "refuse \(Node.device.topicForm)"] {
            let count = console.said.ranges(of: "joins are decided on the console's page only").count
            console.order(order)
            try eventually("it is refused") {
                console.said.ranges(of: "joins are decided on the console's page only").count == count + 1
            }
        }
        #expect(try console.join(of: Node.device) == join && !token.isEmpty)
    }

    @Test("the right to observe is given and removed at the console, and kept")
    func observers() throws {
        let state = network.folder + "/state.sqlite"
        let console = try ConsoleProcess(network, "--state", state)
        let token = try console.signIn()
        let order = "token=\(token)&node=\(Node.second)&order="
        #expect(try console.http("/order", form: order + "let-observe&confirmed=yes").status == 303)
        try console.hear("\(Node.second) may observe from now on")
        #expect(console.end() == 0)
        let next = try ConsoleProcess(network, "--state", state)
        _ = try next.signIn()
        #expect(try next.http("/nodes?role=observer").text.ranges(of: "<tr id=\"node-").count == 1)
    }

    @Test("a port in use is a fault with a hint")
    func taken() throws {
        let console = try ConsoleProcess(network)
        try expectFault(at: console.port)
    }

    @Test(
        "another program on the same port of the other address is a fault, too: a browser might connect to it",
        .enabled(if: (try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8))?.contains(" lo\n") == true))
    func halfTaken() throws {
        let other = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(other) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
            let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return pointer.map { bind(other, $0, length) + listen(other, 1) + getsockname(other, $0, &length) } ?? -1
        }
        #expect(result == 0)
        try expectFault(at: String(UInt16(bigEndian: address.sin6_port)))
    }

    private func expectFault(at port: String) throws {
        let (folder, id) = (network.folder, Node.c2.topicForm)
        let reply = try Network.output(
            Network.products + "/srup-bench",
            [
                "c2", "--id", id, "--key", "\(folder)/\(id).key.pem", "--keyring", folder, "--broker",
                "localhost:\(network.port)", "--ca", "\(folder)/ca.pem", "--cert", "\(folder)/\(id).cert.pem",
                "--tls-key", "\(folder)/\(id).tls.key", "--timeout", "10", "--web", port,
            ])
        #expect(reply.status == 1 && reply.text.contains("cannot listen on") && reply.text.contains("hint: "))
    }
}
