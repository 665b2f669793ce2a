import Foundation
import SystemSupport
import TestVectors
import Testing

/// docs/registry.md, "The registration code".
@Suite("A registration code, from the registry to the node", .blocking, .serialized)
struct RegistrationCodeTests {
    let registry: RegistryProcess
    let token: String

    init() throws {
        registry = try RegistryProcess(options: ["--tokens", "required"])
        token = registry.folder + "/token"
        try registry.verb("token", ["--uses", "9"]).write(toFile: token, atomically: true, encoding: .utf8)
    }

    /// The text of a code.
    private func code(_ options: String...) throws -> String {
        let text = try registry.verb("code", ["--url", registry.url] + options)
        return String(text.split(separator: "\n").first ?? "")
    }

    private func enrol(_ place: String, _ options: [String] = [], input: String = "/dev/null") throws -> (
        status: Int32, text: String
    ) {
        let (folder, output) = (
            registry.folder + "/node-\(UUID().uuidString)", registry.folder + "/out-\(UUID().uuidString)"
        )
        let child = try Child(
            RegistryProcess.bench, ["enrol", place, "--folder", folder, "--bits", "2048"] + options, input: input,
            output: output)
        let status = child.wait()
        return (status, try String(contentsOfFile: output, encoding: .utf8))
    }

    private func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: registry.folder + "/" + name, atomically: true, encoding: .utf8)
        return registry.folder + "/" + name
    }

    @Test("with a token a picture, a file and standard input are enough to enrol, and nobody else sees the token")
    func whole() throws {
        let picture = registry.folder + "/code.png"
        try registry.verb("code", ["--url", registry.url, "--token", token, "--form", "png", "--output", picture])
        #expect(try FileManager.default.attributesOfItem(atPath: picture)[.posixPermissions] as? Int == 0o600)
        let text = try code("--token", token)
        let file = try write(text + "\n", to: "code.txt")
        let secret = try String(contentsOfFile: token, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(text.hasSuffix("&token=\(secret)"))
        for (place, input) in [(picture, "/dev/null"), (file, "/dev/null"), ("-", file)] {
            let reply = try enrol(place, input: input)
            #expect(reply.status == 0, "\(reply.text)")
            #expect(reply.text.hasPrefix("enrol: the code names \(registry.url), and its CA\n"))
            #expect(!reply.text.contains(secret))
        }
        #expect(try registry.verb("list").split(separator: "\n").count == 3 && !registry.log.contains(secret))
    }

    @Test("a beacon enrols with it as well")
    func beacon() throws {
        let file = try write(try code("--token", token), to: "code.txt")
        let reply = try Network.output(
            Network.products + "/srup-beacon",
            [
                "enrol", file, "--config", registry.folder + "/beacon.conf", "--state", registry.folder + "/state",
                "--bits", "2048",
            ])
        #expect(reply.status == 0, "\(reply.text)")
        #expect(reply.text.contains("the code names \(registry.url), and its CA\n"))
    }

    @Test("without a token it is public: the token then comes as before, and never from the command line")
    func open() throws {
        let text = try code()
        #expect(text.hasPrefix(registry.url + "#ca=") && !text.contains("token"))
        let refused = try enrol(text)
        #expect(refused.status == 1 && refused.text.contains("answers register with 403"), "\(refused.text)")
        #expect(try enrol(text, ["--token", token]).status == 0)
        #expect(try enrol(text, ["--token", "-"], input: token).status == 0)
        let secret = try code("--token", token)
        let visible = try enrol(secret)
        #expect(visible.status == 64 && visible.text.contains("this address holds a token"), "\(visible.text)")
        #expect(!visible.text.contains("enrol-"))
        for mistyped in [String(secret.dropFirst()), " " + secret] {
            let reply = try enrol(mistyped)
            #expect(reply.status == 64 && !reply.text.contains("enrol-"), "\(reply.text)")
        }
        let twice = try enrol(try write(secret, to: "code.txt"), ["--token", token])
        #expect(twice.status == 1 && twice.text.contains("hint: leave --token out"), "\(twice.text)")
        let both = try enrol("-", ["--token", "-"], input: token)
        #expect(both.status == 64 && both.text.contains("cannot both come from standard input"), "\(both.text)")
    }

    @Test("a service with another CA than the code's gets nothing, whatever CA its certificate is from")
    func otherAuthority() throws {
        let other = try RegistryProcess()
        let code = try code("--token", token)
        let mixed = other.url + code.dropFirst(registry.url.count)
        let reply = try enrol(try write(mixed, to: "mixed.txt"))
        #expect(reply.status == 1 && reply.text.contains("does not have the CA that the code names"), "\(reply.text)")
        #expect(!other.log.contains("register"))
        let given = try enrol(try write(code, to: "code.txt"), ["--ca", other.folder + "/registry/ca.pem"])
        #expect(given.status == 1 && given.text.contains("does not hold the CA that the code names"), "\(given.text)")
        #expect(try enrol(registry.folder + "/code.txt", ["--ca", registry.folder + "/registry/ca.pem"]).status == 0)
        // A picture says no more than its code: a changed digit is another CA.
        let digit = mixed.replacing("#ca=", with: "#ca=\(mixed.contains("#ca=0") ? "1" : "0")")
        let wrong = digit.replacing(/(#ca=.{64})./, with: { $0.1 })
        #expect(try enrol(try write(String(wrong), to: "wrong.txt")).status == 1)
    }

    @Test("a picture of something else is refused in a sentence")
    func pictures() throws {
        let (picture, value) = (registry.folder + "/value.png", "c4bf8105835141e0886fd25f9a69c5ad")
        try Network.run(RegistryProcess.bench, ["view", value, "--as", "qr", "--form", "png", "--output", picture])
        let other = try enrol(picture)
        #expect(other.status == 1 && other.text.contains("this is not a registration code"), "\(other.text)")
        #expect(!other.text.lowercased().contains("c4bf8105"))
        try Network.run(
            RegistryProcess.bench, ["view", value, "--as", "pictograph", "--form", "png", "--output", picture])
        let none = try enrol(picture)
        #expect(
            none.status == 1 && none.text.hasPrefix("srup-bench: there is no QR code in \(picture)\nhint: "),
            "\(none.text)")
        let renamed = try write("<svg xmlns=\"http://www.w3.org/2000/svg\"/>", to: "svg.png")
        #expect(try enrol(renamed).text.contains("this is not a registration code"))
    }

    @Test("a picture of two codes is refused: nobody knows which of them is meant")
    func two() throws {
        let texts = try ["c4bf8105835141e0886fd25f9a69c5ad", "00bf8105835141e0886fd25f9a69c5ad"].map {
            try write(Network.run(RegistryProcess.bench, ["view", $0, "--as", "qr"]), to: $0)
        }
        // The blocks of both terminals' outputs beside each other, eight pixels for a cell.
        let script = """
            import struct, sys, zlib
            halves = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
            def cells(path):
                for line in open(path, encoding="utf-8").read().splitlines():
                    for half in 0, 1:
                        yield b"".join(bytes([halves[each][half]]) * 8 for each in line)
            rows = [left + right for left, right in zip(cells(sys.argv[1]), cells(sys.argv[2]))]
            def chunk(kind, data):
                return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            size = struct.pack(">IIBBBBB", len(rows[0]), 8 * len(rows), 8, 0, 0, 0, 0)
            data = zlib.compress(b"".join((b"\\0" + row) * 8 for row in rows))
            open(sys.argv[3], "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", size) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
            """
        let picture = registry.folder + "/two.png"
        try Network.run("/usr/bin/env", ["python3", "-c", script] + texts + [picture])
        let reply = try enrol(picture)
        #expect(
            reply.status == 1 && reply.text.hasPrefix("srup-bench: \(picture) shows 2 QR codes\nhint: "),
            "\(reply.text)")
    }

    @Test("is shown by the registry at its start on a terminal, behind the line that scripts read")
    func start() throws {
        #expect(!registry.log.contains("#ca="))
        let terminal = try PseudoTerminal()
        let child = try Child(
            RegistryProcess.bench, ["registry", "run", "--folder", registry.folder + "/registry", "--port", "0"],
            input: terminal.path, output: terminal.path, environment: ["TERM": "dumb"])
        defer { child.end() }
        try terminal.hear("#ca=")
        try terminal.hear("█████\r\n")
        let lines = terminal.said.split(separator: "\r\n").map(String.init)
        #expect(lines[0].hasPrefix("listening on https://localhost:"))
        #expect(lines[1].hasPrefix(lines[0].dropFirst("listening on ".count) + "#ca=") && !lines[1].contains("token"))
    }
}
