import Foundation
import SystemSupport
import TestVectors
import Testing

@Suite("The revocation list of a broker that runs", .blocking, .serialized)
struct RegistryListTests {
    private let id = Node.device.topicForm

    private func content(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    /// A program for --on-list.
    private func program(_ registry: RegistryProcess, _ text: String) throws -> String {
        let path = registry.folder + "/program"
        try registry.writeProgram(path, text)
        return path
    }

    @Test("expires, and then no client is let in; the registry renews it, and its program has the broker read it")
    func expires() throws {
        let registry = try RegistryProcess()
        #expect(try registry.enrol(id) == ["201", "200", "200"], "\(registry.log)")
        #expect(registry.stop() == 0)
        // The list is written at the start: by a clock of nearly thirty days ago.
        let clock = try WrongClock(in: registry.folder)
        try clock.set(aheadBy: -(30 * 86_400 - 12))
        try registry.start([], environment: clock.environment)
        #expect(registry.stop() == 0)
        let broker = try RegistryBroker(registry)
        #expect(try broker.letsIn(id, publishingTo: "SRUP/\(id)"))
        try eventually("the list has expired") { try !broker.letsIn(id, publishingTo: "SRUP/\(id)") }

        let process = try #require(broker.process)
        let hook = try program(registry, "echo \"$1 $2\" >>\"$2/../called\"\nkill -HUP \(process)")
        let metrics = registry.folder + "/registry.prom"
        try registry.start(["--on-list", hook, "--metrics", metrics])
        try eventually("the broker lets it in again: \(registry.log)") {
            try broker.letsIn(id, publishingTo: "SRUP/\(id)")
        }
        let folder = registry.folder + "/registry"
        let called = try String(contentsOfFile: registry.folder + "/called", encoding: .utf8)
        #expect(called == "\(folder)/crl.pem \(folder)\n")
        try eventually("the log says so: \(registry.log)") {
            registry.log.contains("registry: the broker has been told of revocation list ")
        }
        try eventually("the metrics say so") {
            content(metrics).contains("srup_registry_list_taken 1\n")
        }

        // Another process revokes; the service has the broker told.
        try registry.verb("revoke", [id])
        try eventually("the broker refuses it") { try !broker.letsIn(id, publishingTo: "SRUP/\(id)") }
    }

    @Test(
        "a program that fails is reported with a hint, and the service goes on; one that is not there is an error at the start"
    )
    func failing() throws {
        let registry = try RegistryProcess()
        #expect(registry.stop() == 0)
        let hook = try program(registry, "echo no such broker; exit 4")
        let metrics = registry.folder + "/registry.prom"
        try registry.start(["--on-list", hook, "--metrics", metrics])
        try eventually("it is reported: \(registry.log)") {
            registry.log.contains(": no such broker; hint: run it by hand, and fix what it reports: \(hook) ")
                && registry.log.contains("; tried again in 60 s")
        }
        #expect(try registry.curl("status").status == "200")
        try eventually("the metrics say so") {
            content(metrics).contains("srup_registry_list_taken 0\n")
        }
        #expect(registry.stop() == 0)
        let missing = try Network.output(
            RegistryProcess.bench,
            ["registry", "run", "--folder", registry.folder + "/registry", "--port", "0", "--on-list", hook + "-not"])
        #expect(missing.status == 1)
        #expect(missing.text.contains("hint: correct the path: --on-list FILE"), "\(missing.text)")
    }
}
