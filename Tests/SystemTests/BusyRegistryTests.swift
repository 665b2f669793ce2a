import Foundation
import SystemSupport
import TestVectors
import Testing

@Suite("A registry with tight limits", .blocking)
struct BusyRegistryTests {
    private struct Reply: Sendable {
        let status: Int32
        let text: String
    }

    private func enrol(_ registry: RegistryProcess, _ number: Int, _ more: [String] = []) throws -> Child {
        try Child(
            RegistryProcess.bench,
            [
                "enrol", registry.url, "--folder", registry.folder + "/d\(number)", "--ca",
                registry.folder + "/registry/ca.pem", "--bits", "2048", "--broker", "localhost:1", "--c2",
                Node.c2.topicForm,
            ] + more, output: registry.folder + "/d\(number).log")
    }

    private func log(_ registry: RegistryProcess, _ number: Int) -> String {
        (try? String(contentsOfFile: registry.folder + "/d\(number).log", encoding: .utf8)) ?? ""
    }

    @Test("twenty nodes that enrol at once from one address all succeed: they wait as long as the registry says")
    func many() throws {
        // Twenty enrolments are more than a hundred requests: the bucket is empty at once, and refills ten a second.
        let registry = try RegistryProcess(options: ["--requests-per-minute", "600", "--connections-per-address", "6"])
        try registry.exhaust(600)
        let children = try (1...20).map { try enrol(registry, $0) }
        for (index, child) in children.enumerated() {
            #expect(child.wait() == 0, "\(log(registry, index + 1))")
        }
        let logs = (1...20).map { log(registry, $0) }.joined()
        #expect(logs.contains(/enrol: the registry is busy; trying again in [0-9]+ s/), "\(logs)")
        #expect(registry.log.contains("too many (reported once)"), "\(registry.log)")
        let listed = try registry.verb("list", ["--json"])
        let array = try #require(try JSONSerialization.jsonObject(with: Data(listed.utf8)) as? [[String: String]])
        #expect(array.count == 20 && array.allSatisfy { $0["state"] == "validated" && $0["certificate_until"] != nil })
    }

    @Test("one that may not wait gives up at once, says for how long to wait, and continues later")
    func givesUp() throws {
        let registry = try RegistryProcess(options: ["--requests-per-minute", "1"])
        let child = try enrol(registry, 1, ["--wait", "0"])
        #expect(child.wait() == 1)
        let text = log(registry, 1)
        #expect(text.contains("with 429: \"too many requests\""), "\(text)")
        #expect(text.contains(/hint: wait [0-9]+ seconds, then run the same command again/), "\(text)")
        #expect(registry.stop() == 0)
        try registry.start([])
        #expect(try enrol(registry, 1).wait() == 0, "\(log(registry, 1))")
    }
}

extension RegistryProcess {
    /// Asks until the address has no request left.
    fileprivate func exhaust(_ count: Int) throws {
        try Network.run(
            "/usr/bin/curl",
            [
                "-s", "--cacert", folder + "/registry/ca.pem", "-o", "/dev/null",
                "\(url)/KeyEx/register/status?[1-\(count)]",
            ])
    }
}
