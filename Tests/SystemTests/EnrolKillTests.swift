import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Enrolment, interrupted", .blocking)
struct EnrolKillTests {
    let network: Network
    let service: RegistryService

    init() throws {
        network = try Network()
        service = try RegistryService(network)
    }

    @Test("killed at any step, it completes when it is run again, as the same beacon")
    func everyStep() throws {
        var checkpoint = 1
        while true {
            let beacon = Enrollee(service, name: "killed\(checkpoint)")
            let first = try beacon.enrol(environment: ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
            if first.status == 0 { break }
            #expect(first.status == -SIGKILL, "\(first.text)")
            let (identity, key) = (beacon.identity, beacon.content("identity.key.pem"))
            var second = try beacon.enrol()
            if second.status != 0 {
                // The reference sends broker and server once: they were lost with the reply.
                #expect(second.text.contains("does not say again which broker and server"), "\(second.text)")
                second = try beacon.enrol("--broker", "localhost:\(network.port)", "--c2", Node.c2.topicForm)
            }
            #expect(second.status == 0, "checkpoint \(checkpoint): \(second.text)")
            if let identity { #expect(beacon.identity == identity) }
            if let key { #expect(beacon.content("identity.key.pem") == key) }
            #expect(try beacon.command("run", "--check").status == 0)
            #expect(!beacon.exists(beacon.keys + "/access.new"))
            #expect(try beacon.enrol().status == 0)
            checkpoint += 1
            guard checkpoint < 60 else { break }
        }
        #expect((12..<60).contains(checkpoint), "\(checkpoint) checkpoints")
    }

    @Test("a renewal that is killed at any step leaves a beacon that can be used, and can be run again")
    func renewal() throws {
        let beacon = Enrollee(service)
        #expect(try beacon.enrol().status == 0)
        var checkpoint = 1
        while checkpoint < 40 {
            let first = try beacon.command(
                "renew", "--bits", "2048", environment: ["SRUP_BEACON_KILL_AT": "\(checkpoint)"])
            if first.status == 0 { break }
            #expect(first.status == -SIGKILL, "\(first.text)")
            #expect(try beacon.command("run", "--check").status == 0, "checkpoint \(checkpoint)")
            checkpoint += 1
        }
        #expect((6..<40).contains(checkpoint))
        #expect(try beacon.command("renew", "--bits", "2048").status == 0)
        let folders = beacon.names.filter { $0.wholeMatch(of: /keys\/access-[0-9]+/) != nil }
        #expect(folders.count == 2, "\(folders)")
    }
}
