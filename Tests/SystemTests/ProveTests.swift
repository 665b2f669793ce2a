import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// With commands of the shell in a device's place; Scripts/prove has the devices.
@Suite("srup-bench prove", .blocking)
struct ProveTests {
    private static let bench = Network.products + "/srup-bench"

    private func prove(_ words: String...) throws -> (status: Int32, text: String) {
        try Network.output(ProveTests.bench, ["prove"] + words)
    }

    /// With the link alone.
    private func link(_ command: String, _ words: String...) throws -> (status: Int32, text: String) {
        let key = Network.project + "/Tests/Vectors/keys/dev_2048.pub.pem"
        let usual = ["prove", "--link-only", "--device", "d1", "--device-key", key, "--run", command]
        return try Network.output(ProveTests.bench, usual + words)
    }

    @Test("lists its cases with their rules, and the rules that none tests with the reason")
    func list() throws {
        let reply = try prove("--list")
        #expect(reply.status == 0)
        #expect(reply.text.contains("3 challenge: A join in challenge mode"))
        #expect(reply.text.contains("not tested: L32: cannot be seen from outside the device"))
    }

    @Test("a wrong command line has status 64, a sentence and a hint")
    func usage() throws {
        let wrong: [([String], String)] = [
            ([], "give --device"), (["--device", "d1"], "give --device-key, or --registry"),
            (["--device", "d1", "--device-key", "k"], "give all of --id"),
            (["--device", "d1", "--device-key", "k", "--link-only", "--only", "nonsense"], "no case \"nonsense\""),
            (["--device", "d1", "--device-key", "k", "--link-only", "--modes", "x"], "--modes"),
            (["--device", "d1", "--device-key", "k", "--link-only", "--part", "3/2"], "--part"),
            (["--device", "d1", "--device-key", "k", "--link-only", "--key", "k"], "with --link-only, do not give"),
            (["--device", "d1", "--registry", "https://x"], "or none"),
        ]
        for (words, message) in wrong {
            let reply = try Network.output(ProveTests.bench, ["prove"] + words)
            #expect(reply.status == 64 && reply.text.contains(message), "\(words): \(reply.text)")
            #expect(reply.text.contains("hint: run: srup-bench prove --help"), "\(reply.text)")
        }
    }

    @Test("a device that ends at once fails with its status and its last line; the report is JSON as well")
    func ends() throws {
        let file = NSTemporaryDirectory() + "srup-prove-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let mark = "srup-prove-\(UUID().uuidString)"
        let reply = try link(
            "sh -c 'sleep 987; : \(mark)' & echo no battery; exit 3", "--only", "challenge", "--json", file)
        #expect(reply.status == 1)
        // What it has left behind is ended with it.
        #expect(try Network.output("/usr/bin/env", ["pgrep", "-f", mark]).status == 1)
        #expect(reply.text.contains("    seen: the device has ended with exit status 3\n"), "\(reply.text)")
        #expect(reply.text.contains("    the device's last line: no battery\n"))
        #expect(reply.text.contains("prove: 0 passed, 1 failed, 0 not tried"))
        let report = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: file))) as? [String: Any]
        #expect((report?["cases"] as? [[String: Any]])?.first?["result"] as? String == "fail")
    }

    @Test("a device that sends something else is shown with its bytes")
    func shows() throws {
        let send = "import os,socket,time;s=socket.socket(socket.AF_UNIX);s.connect(os.environ['PROVE_LINK'][6:]);"
        let reply = try link(
            "exec python3 -c \"\(send)s.send(bytes([2,9,0,2])+bytes(8));time.sleep(60)\"", "--only", "challenge")
        #expect(reply.status == 1 && reply.text.contains("    bytes: 0209000200"), "\(reply.text)")
    }

    @Test("a device that ends before the value comes has failed: it does not only open its link late")
    func crashes() throws {
        let reply = try link("exit 3", "--only", "challenge-late")
        #expect(reply.status == 1, "\(reply.text)")
        #expect(reply.text.contains("    seen: the device has ended with exit status 3\n"), "\(reply.text)")
    }

    @Test("status 69 where no case can be tried, --timeout leaves out cases, or the report cannot be written")
    func untried() throws {
        #expect(try link("true", "--only", "value").status == 69)
        let twice =
            "import os,socket,time;c=lambda:s.connect(os.environ['PROVE_LINK'][6:]);n=lambda:socket.socket(socket.AF_UNIX);"
        let device = "exec python3 -c \"\(twice)s=n();c();time.sleep(1.2);s=n();c();time.sleep(60)\""
        let reply = try link(device, "--only", "closes", "--only", "two-waits", "--timeout", "1")
        #expect(reply.text.contains("prove: 1 passed, 0 failed, 1 not tried"), "\(reply.text)")
        #expect(reply.status == 69)
        let unwritten = try link(device, "--only", "closes", "--json", "/nowhere/report.json")
        #expect(unwritten.status == 69 && !unwritten.text.contains("closes"), "\(unwritten.text)")
    }

    @Test("status 69 and a hint where the broker cannot be reached, also in the middle of a case")
    func unavailable() throws {
        let network = try Network()
        let (folder, id) = (network.folder, Node.c2.topicForm)
        let started = "\(folder)/started"
        let words = [
            "prove", "--device", Node.device.topicForm, "--device-key", "\(folder)/\(Node.device.topicForm).pub.pem",
            "--id", id, "--key", "\(folder)/\(id).key.pem", "--broker", "localhost:\(network.port)", "--ca",
            "\(folder)/ca.pem", "--cert", "\(folder)/\(id).cert.pem", "--tls-key", "\(folder)/\(id).tls.key", "--only",
            "request", "--run", "touch \(started); exec sleep 60",
        ]
        let child = try Child(ProveTests.bench, words, output: "\(folder)/out")
        try eventually("the case has begun") { FileManager.default.fileExists(atPath: started) }
        network.stopBroker()
        #expect(child.wait() == 69)
        let text = try String(contentsOfFile: "\(folder)/out", encoding: .utf8)
        #expect(text.contains("the connection of prove to the broker has ended: "), "\(text)")
        #expect(text.contains("hint: ") && !text.contains("FAIL"), "\(text)")
        let reply = try Network.output(ProveTests.bench, words)
        #expect(reply.status == 69 && reply.text.contains("hint: "), "\(reply.text)")
    }
}
